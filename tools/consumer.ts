// A project of a user that has installed the packed tarball, without a registry: the package's two dependencies are
// packed from node_modules here, and npm takes them as satisfying the ranges in the package's manifest.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { at, run } from './support.js';

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** This process's environment without what npm, tap or a sanitizer run put there, so that a child starts as a user's would. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(npm_|TAP_|_TAPJS_|NODE_OPTIONS$|LD_PRELOAD$|GLD_LOSS_|PREBUILDS_ONLY$|INIT_CWD$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

export class Consumer {
  // Outside this repository: npm looks for a project upwards, and must not find this one.
  readonly #folder = mkdtempSync(join(tmpdir(), 'gld-loss-consumer-'));

  /** Packs the dependencies and writes the project's manifest; nothing is installed yet. */
  constructor(tarball: string) {
    const packed = join(this.#folder, 'packed');
    mkdirSync(packed, { recursive: true });
    const dependencies: Record<string, string> = { 'gld-loss': `file:${resolve(tarball)}` };
    for (const name of ['node-gyp-build', 'node-addon-api']) {
      const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', packed, at('node_modules', name)];
      run('npm', pack, { cwd: this.#folder, env: cleanEnvironment(), stdio: 'ignore' });
      const file = readdirSync(packed).find((entry) => entry.startsWith(name));
      dependencies[name] = `file:${join(packed, String(file))}`;
    }
    writeFileSync(join(this.#folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  }

  /** A path inside the installed package. */
  installed(...parts: string[]): string {
    return join(this.#folder, 'node_modules/gld-loss', ...parts);
  }

  npm(args: string[], environment: NodeJS.ProcessEnv = {}): Outcome {
    if (!existsSync(join(this.#folder, 'package.json'))) throw new Error('the consumer was removed');
    return this.#spawn('npm', ['--offline', '--no-audit', '--no-fund', ...args], environment);
  }

  /** Runs a script of the given file name (its extension says which module format it is in). */
  node(name: string, script: string, environment: NodeJS.ProcessEnv = {}): Outcome {
    writeFileSync(join(this.#folder, name), script);
    return this.#spawn(process.execPath, [name], environment);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #spawn(program: string, args: string[], environment: NodeJS.ProcessEnv): Outcome {
    const child = spawnSync(program, args, {
      cwd: this.#folder,
      encoding: 'utf8',
      env: { ...cleanEnvironment(), ...environment },
      maxBuffer: 1 << 28,
    });
    if (child.error) throw child.error;
    return { status: child.status, stdout: child.stdout, stderr: child.stderr };
  }
}

/** A script body that runs a whole loss with gradients and prints it as JSON; `gldLoss` and `deviceInfo` must be in scope. */
export const lossScript = `
const ramp = (length, f) => Float32Array.from({ length }, (_, i) => Math.sin(f * (i + 1)));
const side = (channels, f) => ({
  features: { data: ramp(2 * channels * 16, f), shape: [2, channels, 4, 4] },
  weight: { data: ramp(3 * channels, f + 1), shape: [3, channels] },
  bias: { data: ramp(3, f + 2), shape: [3] },
});
const { loss, terms, gradients } = gldLoss({ teacher: side(5, 0.7), student: side(4, 1.3), labels: [2, 0] });
const sums = Object.entries(gradients).map(([name, { data }]) => [name, data.reduce((a, b) => a + Math.abs(b), 0)]);
console.log(JSON.stringify({ loss, terms, gradients: Object.fromEntries(sums), device: deviceInfo() }));
`;

/** The headers that came with this Node.js, so that node-gyp need not download them; undefined where there are none. */
export function nodeHeaders(): string | undefined {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include/node/node_api.h')) ? prefix : undefined;
}
