/** Runs a TypeScript module of the tests in a process of its own. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The module's last line of output, as JSON. Throws with what the child wrote when it fails or is killed. */
export function runChild(module: string, args: string[], env: { [name: string]: string } = {}): unknown {
  const file = fileURLToPath(new URL(`children/${module}`, import.meta.url));
  const child = spawnSync(process.execPath, [...process.execArgv, file, ...args], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  if (child.status !== 0) {
    throw new Error(`${module} ended with ${child.signal ?? child.status}: ${child.stdout}${child.stderr}`);
  }
  return JSON.parse(child.stdout.trim().split('\n').pop() ?? '');
}
