/** What a native library's file says of itself. */
export interface Binary {
  /** `<platform>-<arch>` in Node.js's words; without the architecture where the platform alone rules the file out. */
  readonly platform: string;
  /** File names of the shared libraries that it needs. */
  readonly needed: readonly string[];
  /** Versions of their symbols that it needs, such as GLIBC_2.34. */
  readonly versions: readonly string[];
}

const machines: Readonly<Record<number, string>> = {
  3: 'ia32',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loong64',
};

/** Mach-O of one and of several architectures, read as the file's first four bytes. */
const machO = ['cefaedfe', 'cffaedfe', 'cafebabe'];

/** Reads the file of a native library; undefined for a file that is none, or of which a part is missing. */
export function readBinary(bytes: Buffer): Binary | undefined {
  if (machO.includes(bytes.toString('hex', 0, 4))) return { platform: 'darwin', needed: [], versions: [] };
  if (bytes.toString('latin1', 0, 2) === 'MZ') return { platform: 'win32', needed: [], versions: [] };
  if (bytes.toString('latin1', 0, 4) !== '\x7fELF') return undefined;
  try {
    return readElf(bytes);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // an offset that leads out of the file
    throw error;
  }
}

// The structures below, and the numbers in them, are those of the ELF specification and of its GNU extensions (elf.h).

function readElf(bytes: Buffer): Binary | undefined {
  const wide = bytes.readUInt8(4) === 2;
  const little = bytes.readUInt8(5) === 1;
  const machine = little ? bytes.readUInt16LE(18) : bytes.readUInt16BE(18);
  const platform = `linux-${machines[machine] ?? `machine${machine}`}`;
  if (!wide || !little) return { platform, needed: [], versions: [] };

  const word = (at: number) => Number(bytes.readBigUInt64LE(at));
  const sectionsEnd = word(40) + bytes.readUInt16LE(58) * bytes.readUInt16LE(60);
  if (sectionsEnd > bytes.length) return undefined;
  const segments = Array.from({ length: bytes.readUInt16LE(56) }, (_, i) => {
    const at = word(32) + i * bytes.readUInt16LE(54);
    return { type: bytes.readUInt32LE(at), offset: word(at + 8), address: word(at + 16), size: word(at + 32) };
  });
  if (segments.some(({ offset, size }) => offset + size > bytes.length)) return undefined;

  /** Where in the file the byte lies that is at an address once the library is loaded. */
  const offsetOf = (address: number) => {
    const inside = segments.find((s) => s.type === 1 && address >= s.address && address < s.address + s.size);
    if (!inside) throw new RangeError('an address outside the file');
    return address - inside.address + inside.offset;
  };
  const dynamic = segments.find(({ type }) => type === 2);
  const entries = Array.from({ length: (dynamic?.size ?? 0) / 16 }, (_, i) => {
    const at = (dynamic?.offset ?? 0) + 16 * i;
    return { tag: word(at), value: word(at + 8) };
  });
  const entryOf = (tag: number) => entries.find((entry) => entry.tag === tag)?.value;
  const strings = entryOf(5);
  const text = (index: number) => {
    const start = offsetOf(strings ?? 0) + index;
    return bytes.toString('latin1', start, bytes.indexOf(0, start));
  };
  const needed = entries.filter(({ tag }) => tag === 1).map(({ value }) => text(value));
  const first = entryOf(0x6ffffffe);
  const versions = first === undefined ? [] : readVersions(bytes, offsetOf(first), text);
  return { platform, needed, versions };
}

/** The versions that each of a chain of libraries has to have. */
function readVersions(bytes: Buffer, start: number, text: (index: number) => string): string[] {
  return [...chain(bytes, start, 12)].flatMap((library) => {
    const first = library + bytes.readUInt32LE(library + 8);
    return [...chain(bytes, first, 12)].map((version) => text(bytes.readUInt32LE(version + 8)));
  });
}

/** Offsets of a list's members, each of which has at `link` the way to the next one, or 0. */
function* chain(bytes: Buffer, start: number, link: number): Generator<number> {
  for (let at = start, step = -1; step !== 0; at += step) {
    yield at;
    step = bytes.readUInt32LE(at + link);
  }
}
