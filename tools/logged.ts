// Runs a program of the native build: a line of progress in place of what it prints, and all of that in a log.
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import { createInterface } from 'node:readline';
import { programPath, root } from './support.js';

/** '[12/75] Building …' of ninja, '[ 16%] Building …' of make. */
const step = /^\[ *(\d+)(?:\/(\d+)|%)\] /;
/** Lines of CMake, ninja and make that tell of a course as usual. Whatever else they and the compilers say is passed on. */
const usual =
  /^(-- |Not searching for unused variables|ninja: (no work|Entering)|Consolidate compiler generated|Scanning dependencies|g?make(\[\d+\])?: )/;

/** What is to be shown of the program's lines, on a terminal or in a file. */
export function digest(write: (text: string) => void, terminal: boolean): { line(text: string): void; end(): void } {
  let quarters = 0;
  let open = false;
  const end = () => {
    if (open) write('\r\x1b[2K');
    open = false;
  };
  const show = (text: string, done: number) => {
    if (terminal) {
      write(`\r\x1b[2Kgld-loss: ${text}`);
      open = true;
    } else if (Math.floor(4 * done) > quarters) {
      quarters = Math.floor(4 * done);
      write(`gld-loss: ${text}\n`);
    }
  };
  const line = (text: string) => {
    const [, value, total] = step.exec(text) ?? [];
    if (value) {
      const count = total ? `${value} of ${total}` : `${value} %`;
      return show(`${count} compiled or linked`, Number(value) / Number(total ?? 100));
    }
    const own = /^-- (gld-loss.*)/.exec(text)?.[1];
    if (!own && usual.test(text)) return;
    end();
    write(`${own ?? text}\n`);
  };
  return { line, end };
}

/** Resolves when the program has ended well; rejects with the name of the log otherwise. */
export async function runLogged(program: string, args: string[], log: string): Promise<void> {
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: programPath() },
  });
  const shown = digest((text) => void process.stdout.write(text), process.stdout.isTTY === true);
  const exit = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (text) => {
      appendFileSync(log, `${text}\n`);
      shown.line(text);
    });
  }
  const code = await exit;
  shown.end();
  if (code !== 0) {
    const file = relative(root, log);
    throw new Error(`${program} ${args[0] ?? ''}: exit ${code}. All that it said is in ${file}`);
  }
}
