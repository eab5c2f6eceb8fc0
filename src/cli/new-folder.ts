import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ClawError } from '../base/error.ts';

/** Makes a folder that is not there yet, and those above it. Throws `Conflict` where it exists. */
export async function makeNewFolder(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  try {
    await mkdir(folder);
  } catch (cause) {
    throw new ClawError('Conflict', `${folder} exists: remove it, or name another place`, {
      cause,
    });
  }
}
