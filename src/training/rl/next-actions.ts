import { type FinalReason, trainerEnd } from '../exit-code.ts';
import { evaluationName, type RlRun, stepBatchName, type WantedBatch } from './rl-run.ts';
import { tasksOfStep } from './select-tasks.ts';

/** A step whose rollouts are frozen. */
export interface SeenStep {
  /** Of the batch that the trainer gets, from 1 without gaps; undefined: no group taught anything. */
  readonly number: number | undefined;
  /** The trainer has acknowledged it: policy version `number` is there. */
  readonly trained: boolean;
  /** Rollouts with a reward. */
  readonly rewarded: number;
}

export type SeenTrainer =
  | { readonly state: 'off' | 'running' }
  | { readonly state: 'ended'; readonly exitCode: number; readonly starts: number };

/** What there is: the first three are durable, the others end with a process. */
export interface SeenRun {
  /** Frozen steps, the first one first. */
  readonly steps: readonly SeenStep[];
  /** Names of batches of which every rollout is decided. */
  readonly decided: ReadonlySet<string>;
  /** The last policy is kept as a model. */
  readonly published: boolean;
  /** The version that the policy server answers with; undefined: it does not answer. */
  readonly serving: number | undefined;
  readonly trainer: SeenTrainer;
}

/** One thing to do. Each may be done again after a crash: what it did durably is then seen. */
export type RlAction =
  /** Start the policy server with this version, or reload it. */
  | { readonly do: 'serve'; readonly version: number }
  | { readonly do: 'startTrainer' }
  /** Run the batch until every rollout is decided. */
  | { readonly do: 'rollOut'; readonly batch: WantedBatch }
  /** Make the token batch of a decided step and keep it; `number` where it teaches something. */
  | { readonly do: 'freeze'; readonly batch: WantedBatch; readonly number: number }
  | { readonly do: 'awaitTrained'; readonly number: number }
  /** Every step is trained: the trainer is told so and ends. */
  | { readonly do: 'awaitTrainerEnd' }
  /** Keep the trainer's last policy as a model. */
  | { readonly do: 'publish' }
  | { readonly do: 'fail'; readonly reason: RlFailure; readonly message: string }
  | { readonly do: 'nothing' };

export type RlFailure = FinalReason | 'TrainerFailed' | 'NoRewards';

/** Steps without one reward after which the run is given up: nothing is learnt from broken sandboxes. */
const EMPTY_STEPS = 3;

/** What another try cannot mend. */
const FINAL: Readonly<Record<FinalReason, string>> = {
  BadInput: 'the trainer refused its input',
  Diverged: 'the training diverged',
  OutOfMemory: 'the trainer ran out of memory',
};

/**
 * What to do now, at once and together; `nothing` where the run is done. Decided from what is there
 * alone, so that a coordinator that is killed anywhere goes on where it was: the steps are synchronous
 * and on-policy, so at most one token batch is waiting and every batch is sampled by one version.
 */
export function nextActions(run: RlRun, seen: SeenRun): readonly RlAction[] {
  if (seen.published) return [{ do: 'nothing' }];
  const failure = failureOf(run, seen);
  if (failure !== undefined) return [failure];
  const version = seen.steps.filter(({ trained }) => trained).length;
  const waiting = seen.steps.at(-1);
  if (waiting?.number !== undefined && !waiting.trained) {
    return [...trainerUp(seen), { do: 'awaitTrained', number: waiting.number }];
  }
  const batch = wantedBatch(run, seen, version);
  if (batch === undefined) return closing(seen);
  if (seen.decided.has(batch.name)) {
    return [...trainerUp(seen), { do: 'freeze', batch, number: version + 1 }];
  }
  const serving = seen.serving === version;
  return [...trainerUp(seen), serving ? { do: 'rollOut', batch } : { do: 'serve', version }];
}

/** The evaluation that is due, else the next step's batch; undefined after the last. */
function wantedBatch(run: RlRun, seen: SeenRun, policyVersion: number): WantedBatch | undefined {
  const done = seen.steps.length;
  const { evaluate } = run;
  if (evaluate !== undefined && done > 0 && done % evaluate.every === 0) {
    const name = evaluationName(run.name, done);
    if (!seen.decided.has(name)) {
      const { tasks, samples } = evaluate;
      return { name, kind: 'evaluation', step: done, tasks, samples, policyVersion };
    }
  }
  if (done >= run.steps) return undefined;
  const step = done + 1;
  return {
    name: stepBatchName(run.name, step),
    kind: 'step',
    step,
    tasks: tasksOfStep(run, step),
    samples: run.groups.samples,
    policyVersion,
  };
}

function closing({ trainer }: SeenRun): readonly RlAction[] {
  if (trainer.state === 'ended' && trainer.exitCode === 0) return [{ do: 'publish' }];
  if (trainer.state === 'running') return [{ do: 'awaitTrainerEnd' }];
  return [{ do: 'startTrainer' }];
}

/** A trainer that ended may be started again: its checkpoint knows what it has trained. */
const trainerUp = ({ trainer }: SeenRun): readonly RlAction[] =>
  trainer.state === 'running' ? [] : [{ do: 'startTrainer' }];

const isSettled = ({ number, trained }: SeenStep): boolean => trained || number === undefined;

function failureOf(run: RlRun, { steps, trainer }: SeenRun): RlAction | undefined {
  const allTrained = steps.length >= run.steps && steps.every(isSettled);
  const last = steps.slice(-EMPTY_STEPS);
  if (last.length === EMPTY_STEPS && last.every(({ rewarded }) => rewarded === 0)) {
    const message = `no rollout of the last ${EMPTY_STEPS} steps has a reward: see their RolloutBatches`;
    return { do: 'fail', reason: 'NoRewards', message };
  }
  if (trainer.state !== 'ended' || (trainer.exitCode === 0 && allTrained)) return undefined;
  const end = trainerEnd(trainer.exitCode);
  if (end.kind === 'failed') {
    const message = `${FINAL[end.reason]} (exit code ${trainer.exitCode}): see its log`;
    return { do: 'fail', reason: end.reason, message };
  }
  if (trainer.starts <= run.trainerRetries) return undefined;
  const message = `the trainer ended with exit code ${trainer.exitCode} at ${trainer.starts} starts: see its log`;
  return { do: 'fail', reason: 'TrainerFailed', message };
}
