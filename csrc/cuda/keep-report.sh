#!/bin/sh
# Runs the CUDA compiler and keeps what ptxas says of each kernel (registers, shared memory, spills) in a file beside the
# object, <object>.resources, for tools/cuda-report.ts. Everything else that the compiler says is passed on.
for argument; do
  [ "$last" = -o ] && object=$argument
  last=$argument
done
"$@" 2> "$object.log"
status=$?
grep -E '^ptxas info|bytes stack frame' "$object.log" > "$object.resources"
grep -vE '^ptxas info|bytes stack frame' "$object.log" >&2
rm -f "$object.log"
exit $status
