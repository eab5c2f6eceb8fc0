import { benchRuns } from '../../../operator/controllers/benchrun/kinds.ts';
import {
  clawTasks,
  type RolloutBatch,
  rolloutBatches,
} from '../../../operator/controllers/shared/kinds.ts';
import { findCondition } from '../../../operator/kube/objects/conditions.ts';
import type { BatchBed } from './batch-bed.ts';

/** Batches that `makeEveryKind` leads to: one alone, two arms, four gates. */
export const BATCHES_OF_EVERY_KIND = 7;

/** One object of each kind, by a user. */
export async function makeEveryKind(bed: BatchBed): Promise<void> {
  await bed.create('batch', { samples: 2 });
  const arms = ['nop', 'lazy'].map((name) => ({ name, agent: { name } }));
  const bench = { tasks: { digest: 'a'.repeat(64) }, arms };
  await bed.client.for(benchRuns).apply(named(bed, 'bench', bench), { ...bed.call, force: true });
  await makeTask(bed, 'task');
}

/** A ClawTask of a task without findings. */
export async function makeTask(bed: BatchBed, name: string, text = 'Do it.') {
  const verifier = {
    ...{ dialect: 'check-json', entry: 'check.py' },
    files: [{ path: 'check.py', text: 'print("{}")' }],
  };
  const spec = { task: { instruction: { turns: [{ text }] }, verifier } };
  return await bed.client
    .for(clawTasks)
    .apply(named(bed, name, spec), { ...bed.call, force: true });
}

/** `Status Reason` of what a ClawTask says of itself. */
export async function readiness(bed: BatchBed, name: string): Promise<string> {
  const task = await bed.client.for(clawTasks).get({ namespace: bed.namespace, name }, bed.call);
  const ready = findCondition(task.status?.conditions, 'Ready');
  return `${ready?.status} ${ready?.reason}`;
}

export async function batchesIn(bed: BatchBed): Promise<readonly RolloutBatch[]> {
  const { items } = await bed.client
    .for(rolloutBatches)
    .list({ namespace: bed.namespace }, bed.call);
  return items;
}

const named = ({ namespace }: BatchBed, name: string, spec: Record<string, unknown>) => ({
  metadata: { name, namespace },
  spec,
});
