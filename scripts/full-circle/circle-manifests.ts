import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** The manifests of the full circle, in the order in which they are applied. */
export const CIRCLE = resolve(import.meta.dirname, '../../examples/full-circle');

/** Numbers of single manifests, by file and field: `{'20-sft.yaml': {maxSteps: 100}}`. */
export type CircleSizes = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface CircleSettings {
  /** Added to every seed of the manifests. */
  readonly seed: number;
  /** Digest of the base model. */
  readonly base: string;
  readonly sizes?: CircleSizes;
  /** What else is to be different; undefined leaves the manifest out. */
  readonly change?: (name: string, text: string) => string | undefined;
}

/** What stands in the manifests where a base model has yet to be made. */
const NO_BASE = /sha256:0{64}/g;

/** Writes the manifests with these settings into a folder; otherwise they are those of the example. */
export async function writeCircle(folder: string, settings: CircleSettings): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = (await readdir(CIRCLE)).filter((name) => name.endsWith('.yaml'));
  for (const name of names) {
    const text = await readFile(join(CIRCLE, name), 'utf8');
    const set = circleText(name, text, settings);
    const changed = settings.change === undefined ? set : settings.change(name, set);
    if (changed !== undefined) await writeFile(join(folder, name), changed);
  }
}

/** Throws where a field that is to be set does not stand in the manifest exactly once. */
export function circleText(name: string, text: string, settings: CircleSettings): string {
  let set = text
    .replaceAll(NO_BASE, `sha256:${settings.base}`)
    .replaceAll(/\bseed: (\d+)/g, (_, seed: string) => `seed: ${Number(seed) + settings.seed}`);
  for (const [field, value] of Object.entries(settings.sizes?.[name] ?? {})) {
    const place = new RegExp(`\\b${field}: \\d+`, 'g');
    const found = [...set.matchAll(place)].length;
    if (found !== 1)
      throw new Error(`${name}: ${field} stands there ${found} times, expected once`);
    set = set.replace(place, `${field}: ${value}`);
  }
  return set;
}
