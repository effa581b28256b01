/** Files that are there whole or not at all, whenever the process or the machine stops. */
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes beside the target, flushes to the disk, then renames over the target and flushes the folder. */
export async function writeFileAtomically(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(path);
}

/** Makes certain that the folder of this path has its entry. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
