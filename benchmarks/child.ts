/** Runs a script of the suite in a process of its own, for what is measured of a whole process. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What the script prints, as JSON. */
export async function runScript<T>(
  file: string,
  args: readonly string[],
  nodeOptions: readonly string[] = [],
): Promise<T> {
  const options = [...nodeOptions, '--import', import.meta.resolve('tsx')];
  const { stdout } = await promisify(execFile)(process.execPath, [...options, file, ...args]);
  return JSON.parse(stdout) as T;
}
