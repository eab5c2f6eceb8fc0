import type { TrainerEnd } from './exit-code.ts';

/** Restarts of a run so far, or how many it may have. */
export interface Restarts {
  /** After failures of the trainer. */
  readonly failures: number;
  /** After it was taken away: a lost node, a stop that nobody of us asked for. */
  readonly disruptions: number;
}

export type AfterEnd =
  | { readonly do: 'publish' }
  | { readonly do: 'restart'; readonly restarts: Restarts; readonly why: string }
  | { readonly do: 'fail'; readonly reason: string; readonly why: string };

/**
 * What follows an end of the trainer's process (docs/reference/sft.md). It goes on from its newest
 * checkpoint, so that a restart costs the steps since then.
 */
export function afterEnd(end: TrainerEnd, so: Restarts, most: Restarts): AfterEnd {
  switch (end.kind) {
    case 'done':
      return { do: 'publish' };
    case 'failed':
      return { do: 'fail', reason: end.reason, why: 'the same run would end the same' };
    case 'stopped':
      return so.disruptions < most.disruptions
        ? restart({ ...so, disruptions: so.disruptions + 1 }, 'something stopped it')
        : fail('DisruptionLimit', `something stopped it ${so.disruptions + 1} times`);
    case 'crashed':
      return so.failures < most.failures
        ? restart({ ...so, failures: so.failures + 1 }, end.reason)
        : fail('BackoffLimit', `${end.reason}, after ${so.failures} restarts`);
  }
}

const restart = (restarts: Restarts, why: string): AfterEnd => ({ do: 'restart', restarts, why });
const fail = (reason: string, why: string): AfterEnd => ({ do: 'fail', reason, why });
