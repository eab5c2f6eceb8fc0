import { z } from 'zod';
import { isRecord, parseJson } from '../base/brand.ts';
import type { Check } from '../rollouts/outcome.ts';

/** A verdict file larger than this is refused unread: 1,000 checks of 256 characters fit well. */
export const MAX_VERDICT_BYTES = 2 * 1024 * 1024;

const zFinite = z.number().refine(Number.isFinite);
const zNote = z.string().max(800);

/** What grade_init.py writes. Nothing in it is trusted but its shape (design: rollouts.md 1). */
const zVerdict = z
  .strictObject({
    nonce: z.string(),
    status: z.enum(['ok', 'crash', 'timeout', 'invalid']),
    message: z.string().max(1100),
    /** Name and value in the verifier's own order. */
    checks: z.array(z.tuple([z.string().min(1).max(512), zFinite])).max(1000),
    flat: zFinite.nullable(),
    /** In [0, 1]. */
    native: z.number().min(0).max(1).nullable(),
    /** The author's own number before clamping. */
    nativeRaw: zFinite.nullable(),
    /** True where the author's own `reward` is the native score. */
    rewardSeen: z.boolean(),
    python: z.string().max(64),
    seconds: zFinite.min(0),
    /** What the audit hook saw: files of the workspace run in process, programs started. */
    observed: z.strictObject({
      inProcess: z.array(zNote).max(8),
      children: z.array(zNote).max(8),
    }),
  })
  .refine(
    (verdict) =>
      verdict.status !== 'ok' ||
      (verdict.checks.length > 0 && verdict.flat !== null && verdict.native !== null),
    'a verdict with status ok has checks and scores',
  );

export type Verdict = Omit<z.infer<typeof zVerdict>, 'checks' | 'nonce'> & {
  readonly checks: readonly Check[];
};

export type VerdictReading = { readonly verdict: Verdict } | { readonly problem: string };

/** Reads the bytes of a verdict; `problem` says in one sentence why they are no verdict. */
export function readVerdict(text: string, nonce: string): VerdictReading {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return { problem: 'the verdict is not JSON' };
  }
  if (!isRecord(value) || value['nonce'] !== nonce) {
    return { problem: 'the verdict does not carry the nonce of this run' };
  }
  const parsed = zVerdict.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return {
      problem: `the verdict's ${issue?.path.join('.') || 'shape'} is wrong: ${issue?.message}`,
    };
  }
  const { nonce: _nonce, checks, ...rest } = parsed.data;
  return {
    verdict: { ...rest, checks: checks.map(([name, number]) => ({ name, value: number })) },
  };
}
