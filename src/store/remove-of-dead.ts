import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { markIsDead } from './process-mark.ts';

/** Removes from a folder of temporary files named `<process mark>.<anything>` those of dead processes. */
export async function removeOfDead(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const mark = name.slice(0, name.lastIndexOf('.'));
    if (markIsDead(mark)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
