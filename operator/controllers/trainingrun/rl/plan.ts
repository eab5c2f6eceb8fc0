import type { RlState } from '../../../../src/protocol/rl-api.ts';
import type { NewObject } from '../../../kube/client/resource-client.ts';
import { findCondition } from '../../../kube/objects/conditions.ts';
import type { RolloutBatch, TrainingRun } from '../../shared/kinds.ts';
import { isGoing, isOver } from '../../shared/life.ts';
import { type RlOf, stepBatch, stepBatchName } from './step-batch.ts';

/** One step towards what the coordinator wants. */
export type RlStep =
  | { readonly do: 'create'; readonly batch: NewObject<RolloutBatch> }
  /** Which object plays what is wanted: the server knows batches by uid. */
  | { readonly do: 'tell'; readonly part: string; readonly uid: string }
  | { readonly do: 'suspend'; readonly batch: RolloutBatch; readonly suspend: boolean };

export interface RlObserved {
  readonly run: TrainingRun;
  readonly rl: RlOf;
  readonly state: RlState;
  /** Those that the run controls. */
  readonly batches: readonly RolloutBatch[];
  /** False: nothing new starts, and what plays stands still: suspended, failed or over. */
  readonly going: boolean;
}

export interface RlPlan {
  readonly steps: readonly RlStep[];
  /** What plays now. */
  readonly playing: RolloutBatch | undefined;
  /** Why it cannot go on before somebody does something. */
  readonly problem: string | undefined;
}

/**
 * Pure: from what the server wants and what there is to what is to be done. One batch plays at a time, and
 * its name follows from run and step: whoever does this again meets the same object.
 */
export function planReinforcement(observed: RlObserved): RlPlan {
  const { run, rl, state, batches, going } = observed;
  const { wanted } = state;
  const name = wanted && stepBatchName(run, wanted);
  const playing = batches.find(({ metadata }) => metadata.name === name);
  const steering = batches
    .filter((batch) => !isOver(batch) && !isGoing(batch))
    .filter((batch) => batch.spec.suspend !== !going)
    .map((batch): RlStep => ({ do: 'suspend', batch, suspend: !going }));
  if (wanted === undefined) return { steps: steering, playing: undefined, problem: undefined };
  if (playing === undefined) {
    const create: RlStep = { do: 'create', batch: stepBatch(run, rl, wanted) };
    return { steps: going ? [...steering, create] : steering, playing, problem: undefined };
  }
  // One that is being deleted plays nothing: another one follows when it is gone.
  const { uid } = playing.metadata;
  const told = uid === undefined || uid === wanted.batch || isGoing(playing);
  const tell: readonly RlStep[] = told ? [] : [{ do: 'tell', part: wanted.part, uid }];
  return { steps: [...tell, ...steering], playing, problem: problemOf(playing) };
}

function problemOf(batch: RolloutBatch): string | undefined {
  const { name } = batch.metadata;
  const failed = findCondition(batch.status?.conditions, 'Failed');
  if (failed?.status === 'True') {
    return `RolloutBatch ${name}: ${failed.message}; delete it, and another one plays its part`;
  }
  const stalled = findCondition(batch.status?.conditions, 'Stalled');
  return stalled?.status === 'True' ? `RolloutBatch ${name}: ${stalled.message}` : undefined;
}
