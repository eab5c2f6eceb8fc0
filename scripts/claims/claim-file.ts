import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { z } from 'zod';
import { ClawError, errorMessage } from '../../src/base/error.ts';

export const TIERS = ['ci', 'full'] as const;
export type Tier = (typeof TIERS)[number];

const oneLine = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !text.includes('\n'), 'expected one line');

/** One sentence about the product and the command that shows whether it holds. */
const zClaim = z.strictObject({
  /** Unique in its file. */
  number: z.int().min(1),
  sentence: oneLine(500),
  /** Run by bash from the repository root; exits 0 only where the claim holds, prints its figure last. */
  command: z.string().min(1),
  tier: z.enum(TIERS),
  /** Expected minutes on a warm host. */
  minutes: z.number().positive().max(600),
  /** `data`: measured on the public task data of CLAWGYM_DATA; not run where that is missing. */
  needs: z.literal('data').optional(),
  /** Needs the host for itself: it measures time, or depends on when things happen. */
  alone: z.literal(true).optional(),
  /** Written after the figure. */
  unit: oneLine(40).optional(),
});
export type Claim = z.infer<typeof zClaim>;

const zClaimFile = z
  .strictObject({
    key: z.string().regex(/^[a-z][a-z0-9-]*$/),
    title: oneLine(200),
    claims: z.array(zClaim).min(1),
  })
  .refine(
    ({ claims }) => new Set(claims.map(({ number }) => number)).size === claims.length,
    'claim numbers must be unique',
  );
export type ClaimFile = z.infer<typeof zClaimFile>;

/** Parses one claim file; `name` is its file name, which must be `<key>.yaml`. */
export function parseClaimFile(text: string, name: string): ClaimFile {
  let value: unknown;
  try {
    value = load(text);
  } catch (cause) {
    throw new ClawError('InvalidInput', `docs/claims/${name}: ${errorMessage(cause)}`, { cause });
  }
  const parsed = zClaimFile.safeParse(value);
  if (!parsed.success) {
    throw new ClawError('InvalidInput', `docs/claims/${name}:\n${z.prettifyError(parsed.error)}`);
  }
  if (name !== `${parsed.data.key}.yaml`) {
    throw new ClawError(
      'InvalidInput',
      `docs/claims/${name} has the key ${parsed.data.key}: name the file ${parsed.data.key}.yaml`,
    );
  }
  return parsed.data;
}

/** Every claim file of a folder, by name; an absent folder has none. */
export async function loadClaimFiles(folder: string): Promise<readonly ClaimFile[]> {
  const names = await readdir(folder).catch(() => []);
  const files: ClaimFile[] = [];
  for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
    if (!name.endsWith('.yaml')) continue;
    files.push(parseClaimFile(await readFile(join(folder, name), 'utf8'), name));
  }
  return files;
}

/** A claim with the key of its file. */
export interface SelectedClaim extends Claim {
  readonly key: string;
}

/**
 * The claims of the names (none: all) and of the tier (undefined: both), in order. A name is a key,
 * or a key and a number as the page shows them: `runtime.5`.
 */
export function selectClaims(
  files: readonly ClaimFile[],
  names: readonly string[],
  tier: Tier | undefined,
): readonly SelectedClaim[] {
  const all = files.flatMap((file) => file.claims.map((claim) => ({ ...claim, key: file.key })));
  const has = (name: string, { key, number }: SelectedClaim): boolean =>
    name === key || name === `${key}.${number}`;
  for (const name of names) {
    if (all.some((claim) => has(name, claim))) continue;
    const known = files.map((file) => file.key).join(', ') || 'none';
    throw new ClawError(
      'NotFound',
      `no claims with the key ${name}; known keys: ${known}, each also with a number, as key.1`,
    );
  }
  return all
    .filter((claim) => names.length === 0 || names.some((name) => has(name, claim)))
    .filter((claim) => tier === undefined || claim.tier === tier);
}
