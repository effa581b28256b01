/** A temporary folder, in memory where there is one for that, which goes when the process does. */
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function place(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

export class Scratch {
  readonly folder = mkdtempSync(join(place(), 'gld-loss-bench-'));
  private readonly onExit = () => this.close();

  constructor() {
    process.on('exit', this.onExit);
  }

  remove(name: string): void {
    rmSync(join(this.folder, name), { recursive: true, force: true });
  }

  close(): void {
    process.off('exit', this.onExit);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
