import type {
  JobFact,
  Observed,
  PodFact,
} from '../../operator/controllers/rolloutbatch/observed.ts';
import { asSha256 } from '../../src/base/brand.ts';
import type { BatchState, JobState, Shape } from '../../src/protocol/operator-api.ts';
import { ROLLOUT_SHAPE, VERIFY_SHAPE } from './sandbox-request.ts';

/** Pieces of what the controller of batches observes, for tables. */
export const MARK = '10.0.0.1 0123456789abcdef';
export const BATCH = { name: 'demo', uid: '5f0c1c2e-0000-4000-8000-000000000000' } as const;

export function shape(id: string, phase: Shape['phase'] = 'rollout'): Shape {
  return { ...(phase === 'rollout' ? ROLLOUT_SHAPE : VERIFY_SHAPE), id, phase };
}

export function jobState(name: string, more: Partial<JobState> = {}): JobState {
  const phase = more.phase ?? 'rollout';
  return {
    name,
    uid: `uid-${name}`,
    phase,
    generation: 1,
    shape: shape('s1', phase),
    length: 10,
    settled: 0,
    live: true,
    ...more,
  };
}

export function jobFactOf(name: string, more: Partial<JobFact> = {}): JobFact {
  return {
    name,
    uid: `uid-${name}`,
    parallelism: 4,
    finished: false,
    suspended: undefined,
    ending: undefined,
    deleting: false,
    mark: MARK,
    ...more,
  };
}

export function podFactOf(jobName: string, more: Partial<PodFact> = {}): PodFact {
  return {
    uid: `pod-${jobName}`,
    name: `${jobName}-0-abcde`,
    jobUid: `uid-${jobName}`,
    over: false,
    pending: false,
    stuck: false,
    swept: false,
    reported: false,
    unschedulable: undefined,
    imageProblem: undefined,
    startOverdue: false,
    ...more,
  };
}

/** Ended by itself, and told. */
export const donePod = (jobName: string, more: Partial<PodFact> = {}): PodFact =>
  podFactOf(jobName, { over: true, swept: true, reported: true, ...more });

/** On a node that does not answer, and told. */
export const stuckPod = (jobName: string, more: Partial<PodFact> = {}): PodFact =>
  podFactOf(jobName, { over: true, stuck: true, reported: true, ...more });

export function batchState(more: Partial<BatchState> = {}): BatchState {
  return {
    uid: BATCH.uid,
    taskSet: asSha256('a'.repeat(64)),
    planned: 10,
    notGradable: 0,
    pending: 10,
    active: 0,
    verifying: 0,
    decided: 0,
    outcomes: {},
    decidedIndexes: '',
    failedIndexes: '',
    attempts: 0,
    infraFailures: 0,
    disruptions: 0,
    generations: { rollout: 0, verify: 0 },
    jobs: [],
    waiting: [],
    ...more,
  };
}

export function observed(more: Partial<Observed> = {}): Observed {
  return {
    batch: { ...BATCH, spec: { parallelism: 4, sandbox: {} } },
    mode: 'run',
    state: batchState(),
    jobs: [],
    pods: [],
    finished: { told: 0, untold: 0 },
    mark: MARK,
    mayStart: true,
    absent: new Set(),
    defaultParallelism: 8,
    ...more,
  };
}
