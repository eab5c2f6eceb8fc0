import { ClawError } from '../../base/error.ts';
import { nextActions, type RlAction, type SeenRun } from './next-actions.ts';
import type { RlRun } from './rl-run.ts';

/** Processes, batches and artifacts of one run: what there is of them, and how to change it. */
export interface RlWorld {
  observe(): Promise<SeenRun>;
  /** Resolves once it is done, or once something else may have to be decided first. */
  perform(action: RlDeed, signal: AbortSignal): Promise<void>;
}

export type RlDeed = Exclude<RlAction, { readonly do: 'fail' | 'nothing' }>;

/**
 * Looks, decides, acts, until the run is done. It keeps nothing between two looks: killed anywhere and
 * started again it goes on. Throws `TrainingFailed` (with the condition's `reason` in its details) where
 * the run cannot go on, and the signal's reason where it was stopped.
 */
export async function driveRun(run: RlRun, world: RlWorld, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const actions = nextActions(run, await world.observe());
    if (actions.some((action) => action.do === 'nothing')) return;
    await together(actions.map(deedOf), world, signal);
  }
}

function deedOf(action: RlAction): RlDeed {
  if (action.do === 'fail') {
    const { reason, message } = action;
    throw new ClawError('TrainingFailed', message, { details: { reason } });
  }
  if (action.do === 'nothing') throw new ClawError('Internal', 'nothing to do, and something');
  return action;
}

/** The first that fails stops the others; all have ended when this returns. */
async function together(
  deeds: readonly RlDeed[],
  world: RlWorld,
  signal: AbortSignal,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  await Promise.allSettled(
    deeds.map(async (deed) => {
      try {
        await world.perform(deed, either);
      } catch (thrown) {
        failed.abort(thrown);
      }
    }),
  );
  signal.throwIfAborted();
  failed.signal.throwIfAborted();
}
