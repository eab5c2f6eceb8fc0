import { readdirSync } from 'node:fs';
import { chmod, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ClawError } from '../../base/error.ts';
import { SPEC_FILE } from '../../protocol/pod-contract.ts';
import { removeScratch } from '../remove-scratch.ts';

/**
 * Empties a volume: a container that is started again in the same pod finds what it left before, and
 * after a restart of the node even what an agent left.
 */
export async function emptyVolume(folder: string): Promise<void> {
  for (const name of readdirSync(folder)) {
    if (await removeScratch(join(folder, name))) continue;
    throw new ClawError('StoreUnavailable', `${join(folder, name)} cannot be removed`);
  }
}

/** Writes what the first process of the untrusted container reads and deletes. */
export async function writeSpec(folder: string, spec: object): Promise<void> {
  const path = join(folder, SPEC_FILE);
  await rm(path, { recursive: true, force: true });
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(JSON.stringify(spec));
  } finally {
    await file.close();
  }
  await chmod(path, 0o600);
}
