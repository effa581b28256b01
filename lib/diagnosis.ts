import { accessSync, constants, readFileSync, readdirSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { readBinary } from './elf.js';
import type { GldLoadError, GldLoadReason } from './errors.js';

/** How far loading the native library came. */
export interface Attempt {
  /** The folder whose build/ or prebuilds/ should hold the library; `named` if by GLD_LOSS_PREBUILD. */
  readonly folder: string;
  readonly named: boolean;
  /** A bundler has put this package's code into another file. */
  readonly bundled: boolean;
  /** What was being done when it failed. */
  step: 'start' | 'search' | 'open' | 'engine';
  /** The addon, once it was found. */
  addon: string;
  /** The levels whose engines the addon sees beside it, and the engine that was to be opened, if one of them can run. */
  built: readonly string[];
  engine?: string;
}

interface Diagnosis {
  readonly reason: GldLoadReason;
  /** What is the matter, and what to do about it. */
  readonly text: string;
}

/** What Node.js and the loader add to an error. */
interface Cause extends NodeJS.ErrnoException {
  permission?: string;
  resource?: string;
}

/** What the user can do about more than one cause. */
const cures = {
  build:
    'Build one with `npx gld-loss build`; that needs a C++17 compiler (g++ 11 or newer), make, ' +
    'Python 3 and Eigen 3.4 (Debian and Ubuntu: apt-get install g++ make python3 libeigen3-dev).',
  source: 'Build from source here: `npx gld-loss build`.',
  install: 'Delete node_modules and install here, or build from source: `npx gld-loss build`.',
  again: 'Install the package again; when copying it, keep its prebuilds/ or build/ whole and out of archives (asar).',
  external:
    'Mark gld-loss as external in the bundler (esbuild: --external:gld-loss) and install it beside the bundle, or set ' +
    'GLD_LOSS_PREBUILD to a folder that holds its prebuilds/ or build/.',
  name: 'Name the folder that holds build/ or prebuilds/, or unset the variable.',
} as const;

const supported = ['linux-x64', 'linux-arm64'];
const oldest = [20, 17] as const;
const here = `${process.platform}-${process.arch}`;

/** Explains a failure to load by what can be asked: flags, permissions, folders, and the file itself. */
export function loadError(attempt: Attempt, cause: unknown): GldLoadError {
  const checks = [ofPlatform, ofPermission, ofStep[attempt.step], ofNode];
  for (const check of checks) {
    const found = check(attempt, cause as Cause);
    if (found) return describeFailure(found, cause as Error);
  }
  const text = `The cause is not known. This is Node.js ${process.version} on ${here}.`;
  return describeFailure({ reason: 'unknown', text }, cause as Error);
}

/** The error of an addon that loads, but was made for other TypeScript than this. */
export function versionError(detail: string): GldLoadError {
  return describeFailure(otherVersion, new Error(detail));
}

function describeFailure({ reason, text }: Diagnosis, cause: Error): GldLoadError {
  const { message } = cause;
  const error = new Error(`gld-loss: the native library did not load. ${text}\nThe loader said: ${message}`, { cause });
  const expected = `a native library for ${here}`;
  const code = 'ERR_GLD_LOAD';
  return Object.assign(error, { code, reason, argument: 'gld-loss', expected, received: message } as const);
}

/** Whether an addon's file is this package's: node-gyp-build takes any that lies where it looks. */
export const isOurs = (name: string) => /^gld[-_]loss\b.*\.node$/.test(name);

// --- the machine, and what Node.js refuses

function ofPlatform(): Diagnosis | undefined {
  if (supported.includes(here)) return undefined;
  return { reason: 'platform', text: `gld-loss runs on ${supported.join(' and ')}; this is ${here}.` };
}

function ofNode(): Diagnosis | undefined {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return undefined;
  return { reason: 'node', text: `It needs Node.js ${oldest.join('.')} or newer; this is ${process.version}.` };
}

function ofPermission(attempt: Attempt, { code, permission, resource }: Cause): Diagnosis | undefined {
  const hidden = attempt.step === 'search' && lookInto(attempt.folder).codes.includes('ERR_ACCESS_DENIED');
  if (code === 'ERR_DLOPEN_DISABLED') return ofSwitch() ?? ofModel(['--allow-addons']);
  if (permission === 'Addon') return ofModel(['--allow-addons'], ', and do not drop that permission');
  if (code !== 'ERR_ACCESS_DENIED' && !hidden) return undefined;
  // Besides the folder, node-gyp-build is read, and the file by which it knows Alpine.
  const whole = join(attempt.folder, '*');
  const [, dependency] = /^(.*[\\/]node-gyp-build[\\/])/.exec(resource ?? '') ?? [];
  const refused = resource === undefined || resource.startsWith(attempt.folder) ? whole : resource;
  const reads = [...new Set([whole, dependency ? `${dependency}*` : refused, '/etc/alpine-release'])]
    .filter((path) => !process.permission.has('fs.read', path.replace(/\*$/, '')))
    .map((path) => `--allow-fs-read=${path}`);
  return ofModel(addonsAllowed() ? reads : ['--allow-addons', ...reads]);
}

/** This thread's options. Node.js reads those of NODE_OPTIONS first, so that later ones win. */
const options = () => [...(process.env.NODE_OPTIONS ?? '').split(/\s+/), ...process.execArgv];

/** Whether the permission model lets addons load. Node.js 20 has a flag for it, but no name to ask for. */
const addonsAllowed = () => process.permission.has('addon') || options().includes('--allow-addons');

/** The switch --no-addons, if that is what forbids them: given, or the only way when there is no permission model. */
function ofSwitch(): Diagnosis | undefined {
  const last = options().findLast((option) => /^--(no-)?addons$/.test(option));
  // The types do not know that it is absent without the permission model.
  const model = process.permission as typeof process.permission | undefined;
  if (last !== '--no-addons' && model) return undefined;
  const given = process.execArgv.includes('--no-addons') ? 'in process.execArgv' : 'in NODE_OPTIONS';
  const where =
    last === '--no-addons' ? given : 'by its command line, a configuration file or a program that embeds it';
  const also = model && !addonsAllowed() ? ' and, since its permission model is on, with --allow-addons' : '';
  const text = `Node.js runs with --no-addons (${where}), which forbids native libraries. Start it without${also}.`;
  return { reason: 'no-addons', text };
}

function ofModel(flags: string[], more = ''): Diagnosis {
  const model = options().find((option) => /^--(experimental-)?permission$/.test(option)) ?? '--permission';
  const text = `Node.js runs with its permission model (${model}), which forbids what loading needs. Add ${flags.join(' ')}${more}.`;
  return { reason: 'permission', text };
}

// --- each step

const ofStep: Record<Attempt['step'], (attempt: Attempt, cause: Cause) => Diagnosis | undefined> = {
  start: ofDependency,
  search: ofFolder,
  open: ({ addon }, cause) => ofBinary(addon, cause),
  engine: ofEngine,
};

function ofDependency({ bundled }: Attempt): Diagnosis {
  const text = 'Its dependency node-gyp-build cannot be loaded.';
  if (bundled) return { reason: 'bundle', text: `${text} Bundle both or neither. ${cures.external}` };
  return { reason: 'missing', text: `${text} Install gld-loss with a package manager, which brings it along.` };
}

/** The names in a folder, or the code of the error that came instead. */
function namesIn(folder: string): { names: string[]; code?: string | undefined } {
  try {
    return { names: readdirSync(folder) };
  } catch (error) {
    return { names: [], code: (error as NodeJS.ErrnoException).code };
  }
}

/** What there is where node-gyp-build looks, and the platform that it looks for. */
function lookInto(folder: string) {
  const target = `${process.env.npm_config_platform ?? platform()}-${process.env.npm_config_arch ?? arch()}`;
  const [built, platforms, prebuilt] = [
    namesIn(join(folder, 'build', 'Release')),
    namesIn(join(folder, 'prebuilds')),
    namesIn(join(folder, 'prebuilds', target)),
  ];
  return { target, built, platforms, prebuilt, codes: [built, platforms, prebuilt].map(({ code }) => code) };
}

function ofFolder({ folder, named, bundled }: Attempt): Diagnosis {
  const { target, built, platforms, prebuilt, codes } = lookInto(folder);
  const it = named ? `GLD_LOSS_PREBUILD names ${folder}, which` : folder;
  if (codes.includes('EACCES')) {
    return { reason: 'unreadable', text: `${it} may not be read by this user. Change its permissions.` };
  }
  if (bundled && !named) {
    return { reason: 'bundle', text: `A bundler has taken the code away from its native library. ${cures.external}` };
  }
  const { code, names } = namesIn(folder);
  if (named && names.includes(target)) {
    return { reason: 'missing', text: `${it} is a prebuilds/ folder. Name the folder that it lies in.` };
  }
  if (code) {
    const what = code === 'ENOTDIR' ? 'is not a folder' : 'does not exist';
    return { reason: 'missing', text: `${it} ${what}. ${cures.name}` };
  }
  const others = prebuilt.names.filter(isOurs);
  if (others.length > 0) {
    const asked = process.env.LIBC ? ` (LIBC is set to ${process.env.LIBC})` : '';
    const what = `has ${others.join(', ')}, for another C library than this system's${asked}`;
    return { reason: 'libc', text: `${it} ${what}. ${cures.source}` };
  }
  if (built.names.some(isOurs)) {
    const text = `${it} has a build that is passed over because PREBUILDS_ONLY is set. Unset it.`;
    return { reason: 'missing', text };
  }
  if (platforms.names.length > 0 && !platforms.names.includes(target)) {
    const asked = target === here ? `this is ${here}` : `npm_config_platform and npm_config_arch ask for ${target}`;
    const what = `has binaries for ${platforms.names.join(', ')} and ${asked}: it may come from another machine`;
    return { reason: 'platform', text: `${it} ${what}. ${named ? cures.name : cures.install}` };
  }
  return { reason: 'missing', text: `${it} has no binary for ${target}. ${named ? cures.name : cures.build}` };
}

function ofEngine({ addon, engine, built }: Attempt, cause: Cause): Diagnosis | undefined {
  if (cause.message.includes('another version')) return otherVersion; // in the addon's own words
  if (engine !== undefined) return ofBinary(engine, cause);
  if (built.length > 0) {
    return {
      reason: 'processor',
      text: `This processor can run none of the levels that are there: ${built.join(', ')}.`,
    };
  }
  const engines = namesIn(dirname(addon)).names.filter((name) => name.startsWith('libgld_cpu_'));
  const closed = engines.map((name) => join(dirname(addon), name)).find((file) => !isReadable(file));
  if (closed !== undefined) return unreadable(closed);
  return { reason: 'missing', text: `No engine (libgld_cpu_*.so) lies beside ${addon}. ${cures.again}` };
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

const otherVersion: Diagnosis = {
  reason: 'version',
  text: `The library is of another version than the package. ${cures.again} GLD_LOSS_PREBUILD, if set, has to name a build of this version.`,
};

const unreadable = (file: string): Diagnosis => ({
  reason: 'unreadable',
  text: `${file} may not be read by this user. Change its permissions.`,
});

// --- the file itself

/**
 * Throws for a file that is no library or not all of one, which the loader would not always refuse: it kills the process
 * when it reaches for a page that is missing. What cannot be read is left to the loader.
 */
export function refuseDamaged(file: string): void {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return;
  }
  if (!readBinary(bytes)) throw new Error(`${file} is not a whole native library`);
}

function ofBinary(file: string, { message }: Cause): Diagnosis | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return unreadable(file);
    return { reason: 'missing', text: `${file} is not there. ${cures.again}` };
  }
  const binary = readBinary(bytes);
  const name = basename(file);
  if (!binary) {
    const what = `is not a native library, or not all of it (${bytes.length} bytes)`;
    return { reason: 'damaged', text: `${file} ${what}. ${cures.again}` };
  }
  if (binary.platform !== here) {
    return { reason: 'platform', text: `${file} is for ${binary.platform}; this is ${here}. ${cures.install}` };
  }

  const glibc = runningGlibc();
  const libc = binary.needed.some((library) => /^(libc\.musl|ld-musl)/.test(library)) ? 'musl' : 'glibc';
  const running = glibc === undefined ? 'musl' : 'glibc';
  if (libc !== running) {
    return { reason: 'libc', text: `${name} was made for ${libc}; this Node.js runs on ${running}. ${cures.source}` };
  }
  const version = binary.versions.find((needed) => message.includes(`${needed}'`));
  if (version) {
    const what = `${name} needs ${version}, which this system (glibc ${glibc}) lacks`;
    return { reason: 'glibc', text: `${what}. Use a newer system or container image. ${cures.source}` };
  }
  const library = binary.needed.find((needed) => message.includes(needed));
  if (library)
    return { reason: 'missing', text: `${name} needs ${library}. Install the system's package that has it.` };
  return undefined;
}

/** The version of the glibc that this process runs on; undefined on another C library. */
function runningGlibc(): string | undefined {
  const report = process.report as unknown as Report;
  const { excludeNetwork } = report;
  // Without it, names of all connected machines are looked up. Node.js 20 has no such property.
  if (excludeNetwork !== undefined) report.excludeNetwork = true;
  const { glibcVersionRuntime } = report.getReport().header;
  if (excludeNetwork !== undefined) report.excludeNetwork = excludeNetwork;
  return glibcVersionRuntime;
}

interface Report {
  excludeNetwork?: boolean;
  getReport(): { header: { glibcVersionRuntime?: string } };
}
