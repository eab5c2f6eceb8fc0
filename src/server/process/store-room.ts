import { statfs } from 'node:fs/promises';

/** From this part on no new work is taken, so that what runs can still be written. */
const FULL = 0.95;
/** From this part on people are told (design: rollouts.md 9). */
export const FILLING = 0.85;

/** Used part of the volume of a folder, from 0 to 1. */
export async function storeUsed(folder: string): Promise<number> {
  return usedPart(await statfs(folder));
}

/** As `df` says it: what a file system keeps for root alone is neither used nor to be had. */
export function usedPart({
  blocks,
  bfree,
  bavail,
}: {
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
}): number {
  const used = blocks - bfree;
  return used + bavail > 0 ? used / (used + bavail) : 0;
}

/** True where people should see to the volume of a folder. */
export async function isStoreFilling(folder: string): Promise<boolean> {
  return (await storeUsed(folder)) >= FILLING;
}

/** True where the volume of a folder is so full that no new Jobs are made and no attempt begins. */
export async function isStoreFull(folder: string): Promise<boolean> {
  return (await storeUsed(folder)) >= FULL;
}
