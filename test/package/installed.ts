// A project that has the package installed as a user would, of which a test takes parts away or spoils them.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import { cleanEnvironment } from '../../tools/consumer.js';
import { at, binaries } from '../../tools/support.js';

/** What a process printed that imports the package. */
export interface Report {
  version?: string;
  code?: string;
  reason?: string;
  message?: string;
  /** Code, or else message, of the error's cause. */
  cause?: string;
}

export interface Start {
  flags?: string[];
  env?: Record<string, string>;
  uid?: number;
  cwd?: string;
}

/** Prints a Report. Any further statements come before it. */
export const importing = (statements = '') => `
  ${statements}
  try {
    const { deviceInfo } = await import('gld-loss');
    console.log(JSON.stringify({ version: deviceInfo().version }));
  } catch ({ code, reason, message, cause }) {
    console.log(JSON.stringify({ code, reason, message, cause: cause?.code ?? cause?.message }));
  }`;

export const platform = `${process.platform}-${process.arch}`;
const { resolve } = createRequire(import.meta.url)('node-gyp-build') as { resolve(folder: string): string };

export class Installed {
  // Outside this repository, whose node_modules would be found, and where every user may look.
  readonly folder = mkdtempSync(join(tmpdir(), 'gld-loss-installed-'));

  constructor(t: Test) {
    t.teardown(() => rmSync(this.folder, { recursive: true, force: true }));
    chmodSync(this.folder, 0o755);
    mkdirSync(this.prebuilt(), { recursive: true });
    const built = resolve(at('.')); // what this run of the tests uses
    copyFileSync(built, this.addon);
    for (const name of binaries(process.arch).slice(1)) copyFileSync(join(dirname(built), name), this.prebuilt(name));
    cpSync(at('dist'), this.package('dist'), { recursive: true });
    copyFileSync(at('package.json'), this.package('package.json'));
    cpSync(at('node_modules/node-gyp-build'), this.path('node_modules/node-gyp-build'), { recursive: true });
  }

  path = (...parts: string[]) => join(this.folder, ...parts);
  package = (...parts: string[]) => this.path('node_modules/gld-loss', ...parts);
  prebuilt = (...parts: string[]) => this.package('prebuilds', platform, ...parts);

  get addon(): string {
    return this.prebuilt('gld-loss.glibc.node');
  }

  get engines(): string[] {
    return readdirSync(this.prebuilt())
      .filter((name) => name.startsWith('libgld_cpu_'))
      .map((name) => this.prebuilt(name));
  }

  /** Runs a module, or a file that is there already. */
  run(script = importing(), { flags = [], env = {}, ...options }: Start = {}, file = this.path('main.mjs')): Report {
    if (script !== '') writeFileSync(file, script);
    // Through env(1): tap puts its own module into the NODE_OPTIONS of every process that is started.
    const set = { NODE_OPTIONS: '', ...env };
    const variables = Object.entries(set).map(([name, value]) => `${name}=${value}`);
    const child = spawnSync('env', [...variables, process.execPath, ...flags, file], {
      cwd: this.folder,
      encoding: 'utf8',
      env: { ...cleanEnvironment(), LD_PRELOAD: process.env.LD_PRELOAD },
      ...options,
    });
    if (child.error) throw child.error;
    if (child.status !== 0) throw new Error(`exit ${child.status ?? child.signal}: ${child.stderr}`);
    return JSON.parse(child.stdout) as Report;
  }

  /** Compiles C into a shared library. */
  compile(file: string, source: string, ...options: string[]): void {
    const from = this.path('source.c');
    writeFileSync(from, source);
    execFileSync('gcc', ['-shared', '-fPIC', '-o', file, from, ...options], {
      env: { ...process.env, LD_PRELOAD: '' },
    });
  }
}
