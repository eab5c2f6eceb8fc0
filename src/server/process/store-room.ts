import { statfs } from 'node:fs/promises';

/** From this part on no new work is taken, so that what runs can still be written. */
const FULL = 0.95;

/** True where the volume of a folder is so full that no new Jobs are made and no attempt begins. */
export async function isStoreFull(folder: string): Promise<boolean> {
  const { blocks, bavail } = await statfs(folder);
  return blocks > 0 && 1 - bavail / blocks >= FULL;
}
