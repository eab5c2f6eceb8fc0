import { z } from 'zod';
import { asAttemptId, asRolloutId, parseJson, type Sha256 } from '../../src/base/brand.ts';
import { ClawError } from '../../src/base/error.ts';
import { zSha256 } from '../../src/protocol/fields.ts';
import type { RolloutRow } from '../../src/store/records.ts';
import type { LineageStores } from './lineage-stores.ts';

/** One attempt that a model learned from. */
export interface UsedAttempt {
  readonly attempt: string;
  /** Ids of its model calls. */
  readonly calls: readonly string[];
  /** Digest of its task, and of the set that the task is in. */
  readonly task: Sha256;
  readonly taskSet: Sha256;
}

const zExport = z.looseObject({
  batches: z.array(z.looseObject({ id: z.string(), taskSet: zSha256 })),
  files: z.looseObject({ 'train.jsonl': z.looseObject({ sha256: zSha256 }) }),
});
const zRow = z.looseObject({
  batch: z.string(),
  rollout: z.string().transform(asRolloutId),
  attempt: z.string().transform(asAttemptId),
  calls: z.array(z.string()).min(1),
  task: z.looseObject({ digest: zSha256 }),
});

/** The attempts behind the rows of an export; each row must say what the records say. */
export async function demonstrations(
  stores: LineageStores,
  data: Sha256,
  problems: string[],
): Promise<readonly UsedAttempt[]> {
  const { batches, files } = zExport.parse(await json(stores, data));
  const sets = new Map(batches.map(({ id, taskSet }) => [id, taskSet]));
  const text = await stores.text(files['train.jsonl'].sha256);
  const used: UsedAttempt[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const { batch, rollout, attempt, calls, task } = zRow.parse(parseJson(line));
    const rows = await stores.union.store.listCalls(attempt);
    const known = new Set(rows.map(({ callId }) => callId));
    const missing = calls.filter((id) => !known.has(id));
    if (missing.length > 0) problems.push(`${rollout}: no call ${missing.join(', ')} is recorded`);
    const taskSet = sets.get(batch);
    if (taskSet === undefined) problems.push(`${rollout}: the export does not name ${batch}`);
    else used.push({ attempt, calls, task: task.digest, taskSet });
  }
  return used;
}

/** The attempts of a run's own steps; each call must have its tokens. */
export async function practice(
  stores: LineageStores,
  run: string,
  taskSet: Sha256,
  problems: string[],
): Promise<readonly UsedAttempt[]> {
  const used: UsedAttempt[] = [];
  for (const { records } of stores.all) {
    for (const { id, owner, taskSet: set } of await records.listBatches()) {
      if (owner.kind !== 'TrainingRun' || owner.name !== run || !owner.arm.startsWith('step-'))
        continue;
      if (set !== taskSet) problems.push(`${id} is of task set ${set}, the model's of ${taskSet}`);
      for (const row of await records.listRollouts(id)) {
        const one = await attemptOf(stores, row, problems);
        if (one !== undefined) used.push({ ...one, taskSet });
      }
    }
  }
  return used;
}

async function attemptOf(
  { union }: LineageStores,
  { id, decision, taskDigest }: RolloutRow,
  problems: string[],
): Promise<Omit<UsedAttempt, 'taskSet'> | undefined> {
  const attempt = decision?.attempt;
  // Missing data is nothing that was learned from.
  if (attempt === undefined || decision?.score.final == null) return undefined;
  const calls = await union.store.listCalls(attempt);
  if (calls.length === 0 || calls.some(({ finish }) => finish?.tokens === undefined))
    problems.push(`${id}: a call without tokens, or none`);
  return { attempt, calls: calls.map(({ callId }) => callId), task: taskDigest };
}

async function json(stores: LineageStores, digest: Sha256): Promise<unknown> {
  try {
    return parseJson(await stores.text(digest));
  } catch (cause) {
    throw new ClawError('NotFound', `export ${digest} cannot be read`, { cause });
  }
}
