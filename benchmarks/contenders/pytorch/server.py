"""Computes and times the operations for the suite: requests and answers are lines of JSON, tensors are raw files.

usage: server.py THREADS [--compile]
"""
import json
import math
import re
import sys
import time
import traceback

import torch

from operations import OPERATIONS

TYPES = {'float32': torch.float32, 'float64': torch.float64, 'int32': torch.int32}


def blas():
    """The BLAS that is really loaded."""
    with open('/proc/self/maps') as maps:
        files = {line.split()[-1] for line in maps if '.so' in line}
    for file in sorted(files):
        if 'openblas' in file and 'lapack' not in file:
            version = re.search(r'-r(\d[\d.]*\d)\.so|openblas.*?(\d+\.\d+\.\d+)', file)
            if version:
                return 'OpenBLAS ' + (version[1] or version[2])
    if any('mkl' in file for file in files) or 'BLAS_INFO=mkl' in torch.__config__.show():
        return 'MKL'
    if any('openblas' in file for file in files):
        return 'OpenBLAS'
    for file in files:
        version = re.search(r'/libblas\.so\.(\d[\d.]*)$', file)
        if version:
            return 'reference BLAS ' + version[1]
    return 'unknown'


class Task:
    def __init__(self, operation, layout, grid, dtype, inputs, compiled):
        self.tensors = {}
        for name, (file, stored, shape) in inputs.items():
            tensor = torch.from_file(file, size=math.prod(shape), dtype=TYPES[stored]).reshape(shape)
            self.tensors[name] = tensor.long() if stored == 'int32' else tensor.to(TYPES[dtype], copy=True)
        self.names, function = OPERATIONS[operation]
        self.leaves = [self.tensors[name].requires_grad_() for name in self.names]
        self.upstream = self.tensors.get('upstream')
        self.function = torch.compile(function) if compiled else function
        self.arguments = (self.tensors, layout, grid)

    def forward(self):
        with torch.no_grad():
            return self.function(*self.arguments), []

    def gradients(self):
        value = self.function(*self.arguments)
        return value, torch.autograd.grad(value, self.leaves, self.upstream)


class Server:
    def __init__(self, threads, compiled):
        torch.set_num_threads(threads)
        self.compiled = compiled
        self.task = None

    def hello(self):
        return {'torch': torch.__version__, 'blas': blas(), 'threads': torch.get_num_threads(),
                'compile': hasattr(torch, 'compile')}

    def prepare(self, **request):
        self.task = Task(**request, compiled=self.compiled)
        return {}

    def result(self, mode, folder):
        """Writes the value and the gradients as raw files."""
        value, gradients = getattr(self.task, mode)()
        outputs = dict(zip(['value', *self.task.names], [value.detach(), *gradients]))
        for name, tensor in outputs.items():
            torch.from_file(f'{folder}/{name}', shared=True, size=tensor.numel(), dtype=tensor.dtype).copy_(
                tensor.reshape(-1))
        return {'outputs': {name: list(tensor.shape) for name, tensor in outputs.items()}}

    def time(self, mode, calls):
        run = getattr(self.task, mode)
        begin = time.perf_counter()
        for _ in range(calls):
            run()
        return {'seconds': (time.perf_counter() - begin) / calls}

    def release(self):
        self.task = None
        return {}


def main():
    server = Server(int(sys.argv[1]), '--compile' in sys.argv)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(server, request.pop('do'))(**request)
        except Exception as error:
            traceback.print_exc()
            answer = {'error': f'{type(error).__name__}: {error}'.splitlines()[0]}
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
