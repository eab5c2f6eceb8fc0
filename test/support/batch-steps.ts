import type { Action } from '../../operator/controllers/rolloutbatch/action.ts';
import type { Observed } from '../../operator/controllers/rolloutbatch/observed.ts';
import { plan } from '../../operator/controllers/rolloutbatch/plan.ts';
import { batchState, jobState, observed, shape } from './batch-cases.ts';

/** An action in short: what a row of a table can hold. */
export function shortAction(action: Action): string {
  switch (action.do) {
    case 'new':
      return `new ${action.name} max=${action.max} parallelism=${action.parallelism}`;
    case 'create':
      return `create ${action.job.name} parallelism=${action.parallelism}`;
    case 'resize':
      return `resize ${action.job.name} ${action.lowering ? 'down' : 'up'} to ${action.parallelism}`;
    case 'end':
      return `end ${action.job.name} ${action.cause}`;
    case 'over':
      return `over ${action.name} ${action.cause}`;
    case 'tell-uid':
      return `tell ${action.name} ${action.uid}`;
    case 'look':
      return `look ${action.name}`;
    case 'evict':
      return `evict ${action.pod.name}`;
    default:
      return action.do;
  }
}

export const steps = (more: Partial<Observed>): readonly string[] =>
  plan(observed(more)).map(shortAction);
export const spec = (parallelism: number, queueName?: string): Pick<Observed, 'batch'> => ({
  batch: {
    name: 'demo',
    uid: '5f0c1c2e-0000-4000-8000-000000000000',
    spec: { parallelism, sandbox: queueName === undefined ? {} : { queueName } },
  },
});
export const waits = (count: number, id = 's1', phase: 'rollout' | 'verify' = 'rollout') => ({
  shape: shape(id, phase),
  count,
});
export const live = (...names: readonly string[]) =>
  batchState({ jobs: names.map((name) => jobState(name)) });

export type Row = readonly [string, Partial<Observed>, readonly string[]];
