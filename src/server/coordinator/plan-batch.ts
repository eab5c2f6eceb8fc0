import { asBatchId } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { PlanBatchBody } from '../../protocol/operator-api.ts';
import type { BatchRow, PlannedRollout } from '../../store/records.ts';
import type { TaskEntry, TaskSet } from '../../tasks/task-set.ts';
import { planRefusal, planRollouts } from '../planning/plan-rollouts.ts';
import { type AgentImages, agentOfSample, batchAgents } from './batch-agents.ts';
import {
  type BatchSpec,
  clusterSettings,
  decidingDigest,
  type FrozenSpec,
  frozenText,
} from './frozen-spec.ts';
import type { PlannedBatch } from './live-batch.ts';
import { planAgents } from './plan-agents.ts';
import { BatchShapes } from './shapes.ts';

/** A batch as it is stored for the first time. */
export interface BatchPlanRows {
  readonly row: BatchRow;
  readonly rollouts: readonly PlannedRollout[];
}

/** Plans a batch over a frozen task set: the same rollouts in the same order as the local engine. */
export async function planBatchRows(
  uid: string,
  body: Omit<PlanBatchBody, 'spec' | 'source'>,
  spec: BatchSpec,
  set: TaskSet,
  context: { readonly images: AgentImages; readonly now: number },
): Promise<BatchPlanRows> {
  const id = asBatchId(uid);
  const { namespace, name } = body;
  const agents = await batchAgents(name, spec, context.images);
  const frozen: FrozenSpec = { namespace, name, agent: agents.identity, spec };
  const tasks = narrow(set, spec);
  const refuse = (task: TaskEntry['task']) => planRefusal(task, agentOfSample(agents, 0));
  return {
    row: {
      id,
      owner: { ...body.owner },
      taskSet: set.digest,
      specDigest: decidingDigest(frozen, set.digest),
      spec: frozenText(frozen),
      createdAt: context.now,
    },
    rollouts: planRollouts(id, tasks, spec.samples, refuse),
  };
}

/** What a stored batch means to this process. */
export async function openPlan(
  row: BatchRow,
  frozen: FrozenSpec,
  set: TaskSet,
  images: AgentImages,
): Promise<PlannedBatch> {
  const settings = clusterSettings(frozen.spec);
  const plan = await planAgents(frozen, images);
  const entries = narrow(set, frozen.spec);
  const tasks = entries.map(({ task }) => task);
  return {
    row,
    frozen,
    settings,
    ...plan,
    shapes: new BatchShapes(tasks, settings, plan.agents),
    tasks: new Map(entries.map((entry) => [entry.task.id, entry])),
    blobs: set.blobs,
  };
}

function narrow(set: TaskSet, spec: BatchSpec): readonly TaskEntry[] {
  const ids = spec.tasks.taskIds;
  if (ids === undefined) return set.tasks;
  const wanted = new Set(ids);
  const tasks = set.tasks.filter(({ task }) => wanted.has(task.id));
  const missing = ids.filter((id) => !tasks.some(({ task }) => task.id === id));
  if (missing.length === 0) return tasks;
  const shown = missing.slice(0, 10).map((id) => JSON.stringify(id));
  throw new ClawError(
    'NotFound',
    `spec.tasks.taskIds: the source has no task ${shown.join(', ')}; it has ${set.tasks.length} tasks, for example ${set.tasks[0]?.task.id ?? 'none'}`,
  );
}
