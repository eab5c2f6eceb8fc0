import { armBatchName } from '../../operator/controllers/benchrun/arm-batch.ts';
import { type BenchRun, benchRuns } from '../../operator/controllers/benchrun/kinds.ts';
import {
  type BatchStatus,
  type ClawTask,
  clawTasks,
  type RolloutBatch,
  rolloutBatches,
} from '../../operator/controllers/shared/kinds.ts';
import type { Condition } from '../../operator/kube/objects/conditions.ts';
import { DIGEST } from './sample-objects.ts';

const THEN = '2026-01-01T00:00:00Z';
/** One minute after `THEN`, at which everything in these objects was made. */
export const NOW = Date.parse('2026-01-01T00:01:00Z');

type Json = Record<string, unknown>;

export function condition(
  type: string,
  status: Condition['status'] = 'True',
  reason = `${type}Reason`,
  message = `${type} message`,
): Condition {
  return { type, status, reason, message, lastTransitionTime: THEN };
}

const metadata = (name: string, kind: string, more: Json = {}): Json => ({
  ...{ name, namespace: 'lab', uid: `uid-${kind}-${name}`, generation: 1, resourceVersion: '7' },
  creationTimestamp: THEN,
  ...more,
});

const API = 'clawgym.io/v1alpha1';

/** A bench of the arms `nop` and `lazy`, with the server's defaults; parts of it replaced. */
export function benchOf(spec: Json = {}, status?: Json, meta: Json = {}): BenchRun {
  return benchRuns.parse({
    apiVersion: API,
    kind: 'BenchRun',
    metadata: metadata('first', 'bench', meta),
    spec: {
      tasks: { selector: { matchLabels: { area: 'files' } } },
      arms: [
        { name: 'nop', agent: { name: 'nop' } },
        { name: 'lazy', agent: { name: 'lazy' } },
      ],
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  });
}

/** The batch of an arm as its controller would have made it, with a status. */
export function armBatchOf(
  bench: BenchRun,
  arm: string,
  status: BatchStatus = {},
  spec: Json = {},
  meta: Json = {},
): RolloutBatch {
  const { agent = { name: 'nop' }, model } = bench.spec.arms.find(({ name }) => name === arm) ?? {};
  const tasks = status.taskSet === undefined ? bench.spec.tasks : { digest: status.taskSet };
  return batchOf(armBatchName(bench, arm), status, { tasks, agent, model, ...spec }, meta);
}

export function batchOf(
  name: string,
  status: BatchStatus = {},
  spec: Json = {},
  meta: Json = {},
): RolloutBatch {
  return rolloutBatches.parse({
    apiVersion: API,
    kind: 'RolloutBatch',
    metadata: metadata(name, 'batch', meta),
    spec: { tasks: { digest: DIGEST }, agent: { name: 'nop' }, ...spec },
    status,
  });
}

export function taskOf(spec: Json = {}, status?: Json, meta: Json = {}): ClawTask {
  return clawTasks.parse({
    apiVersion: API,
    kind: 'ClawTask',
    metadata: metadata('rename', 'task', meta),
    spec: {
      task: {
        instruction: { turns: [{ text: 'Do it.' }] },
        verifier: {
          dialect: 'check-json',
          entry: 'check.py',
          files: [{ path: 'check.py', text: 'print("{}")' }],
        },
      },
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  });
}

/** Statuses in which a batch may be. */
export const BATCH = {
  fresh: {},
  planned: {
    taskSet: DIGEST,
    rollouts: { planned: 6, decided: 0 },
    conditions: [condition('Planned'), condition('Progressing', 'True', 'Starting')],
  },
  running: {
    taskSet: DIGEST,
    startTime: THEN,
    rollouts: { planned: 6, decided: 2 },
    conditions: [condition('Planned'), condition('Progressing', 'True', 'Running')],
  },
  complete: {
    taskSet: DIGEST,
    startTime: THEN,
    completionTime: '2026-01-01T00:00:30Z',
    rollouts: { planned: 6, decided: 6 },
    results: { digest: DIGEST },
    conditions: [
      condition('Planned'),
      condition('Progressing', 'False', 'Complete'),
      condition('SuccessCriteriaMet'),
      condition('Complete'),
    ],
  },
  failed: {
    taskSet: DIGEST,
    startTime: THEN,
    completionTime: '2026-01-01T00:00:40Z',
    rollouts: { planned: 6, decided: 6 },
    results: { digest: DIGEST },
    conditions: [
      condition('Planned'),
      condition('Progressing', 'False', 'Failed'),
      condition('FailureTarget', 'True', 'DeadlineExceeded', 'took too long'),
      condition('Failed', 'True', 'DeadlineExceeded', 'took too long'),
      condition('Stalled', 'True', 'RunFailed', 'took too long'),
    ],
  },
} as const satisfies Record<string, unknown>;
