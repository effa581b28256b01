/**
 * Parts of a run in processes of their own: a kernel that writes where it must not may take the whole process with it, and
 * the parts after it shall run all the same. What a part finds comes as lines of JSON on its standard output.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Part } from './command-line.js';
import type { Accuracy, CheckResult } from '../../test/conformance/record.js';
import type { Limits, Timing } from './record.js';

export type Message =
  | { begun: string }
  | { check: CheckResult }
  | { accuracy: Accuracy[] }
  | { limits: Limits }
  | { timing: Timing }
  | { versions: Record<string, string> }
  | { absent: { what: string; reason: string } };

/** Beside this file, compiled or as it was written. */
const main = fileURLToPath(new URL(`main${extname(import.meta.url)}`, import.meta.url));

/** The command that runs a part: what a sanitizer is put in front of. */
export function commandOf({ part, device, quick, seconds, case: only }: Part): string[] {
  const args = [
    '--part',
    part,
    '--device',
    device,
    '--seconds',
    String(seconds),
    ...(quick ? ['--quick'] : []),
    ...(only !== undefined ? ['--case', only] : []),
  ];
  return [process.execPath, ...process.execArgv, main, ...args];
}

export interface Ended {
  /** undefined: it ended as it should. */
  trouble?: string;
  /** Everything that was no message. */
  output: string;
  /** What it had begun last. */
  last: string;
}

/** Lines that are messages begin with this; whatever else a process prints is passed over. */
const mark = '{"gld":';

export function send(message: Message): void {
  process.stdout.write(`${mark}${JSON.stringify(message)}}\n`);
}

/** Runs a command that sends messages. Killed when it takes longer than allowed. */
export async function listen(
  command: readonly string[],
  seconds: number,
  hear: (message: Message) => void,
): Promise<Ended> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill('SIGKILL');
  process.on('exit', stop);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    stop();
  }, 1000 * seconds);
  let output = '';
  let last = 'its begin';
  const keep = (text: string) => (output = (output + text).slice(-20_000));
  child.stderr.on('data', (text: Buffer) => keep(text.toString()));
  const ended = new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : `ended with ${signal ?? code}`));
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith(mark)) {
      keep(`${line}\n`);
      continue;
    }
    const { gld } = JSON.parse(line) as { gld: Message };
    if ('begun' in gld) last = gld.begun;
    hear(gld);
  }
  const status = await ended;
  clearTimeout(timer);
  process.off('exit', stop);
  const trouble = late ? `took longer than ${Math.round(seconds)} s` : status;
  return { output, last, ...(trouble !== undefined && { trouble }) };
}
