import type { BatchId } from '../../../base/brand.ts';
import type { ClusterStore } from '../../../store/cluster-records.ts';
import type { ModelManifest } from '../../../training/model-manifest.ts';
import type { EvaluationFacts } from '../../../training/rl/evaluation-facts.ts';
import type { RlRun } from '../../../training/rl/rl-run.ts';
import { StepBoard } from '../../../training/rl/step-board.ts';
import { noteText, readStepNotes } from '../../../training/rl/step-notes.ts';
import type { StepRows } from '../../../training/rl/step-rows.ts';
import { type RlPlan, runOf } from './rl-plan.ts';

/** A reinforcement run in the memory of the server, over its rows. */
export interface LiveRl {
  /** Uid of the TrainingRun. */
  readonly uid: string;
  readonly plan: RlPlan;
  readonly run: RlRun;
  readonly board: StepBoard;
  readonly base: ModelManifest;
  /** By step; of evaluations of which every rollout is decided. */
  readonly evaluations: Map<number, EvaluationFacts>;
}

type Rows = Pick<ClusterStore, 'listRlSteps' | 'freezeRlStep' | 'trainRlStep'>;

export async function openRl(
  uid: string,
  plan: RlPlan,
  base: ModelManifest,
  store: Rows,
): Promise<LiveRl> {
  const run = runOf(plan);
  const board = await StepBoard.open(run.steps, await stepRows(uid, store));
  return { uid, plan, run, board, base, evaluations: new Map() };
}

async function stepRows(uid: string, store: Rows): Promise<StepRows> {
  const kept = new Map((await store.listRlSteps(uid)).map((row) => [row.step, row]));
  return {
    read: async (step) => {
      const { frozen, trained } = kept.get(step) ?? {};
      return readStepNotes({
        ...(frozen !== undefined && { rlStep: frozen }),
        ...(trained !== undefined && { rlTrained: trained }),
      });
    },
    keepFrozen: (frozen) => store.freezeRlStep(uid, frozen.step, noteText(frozen)),
    keepTrained: (step, trained) => store.trainRlStep(uid, step, noteText(trained)),
  };
}

/**
 * The batch that played one of the run's to its end. One whose rest was given up is none: its object was
 * deleted, and another one may play it.
 */
export async function decidedBatch(
  uid: string,
  name: string,
  store: Pick<ClusterStore, 'getRlBatch' | 'getBatch' | 'countOutcomes' | 'batchNotes'>,
): Promise<BatchId | undefined> {
  const id = await store.getRlBatch(uid, name);
  if (id === undefined || (await store.getBatch(id)) === undefined) return undefined;
  if ((await store.countOutcomes(id)).undecided > 0) return undefined;
  return (await store.batchNotes(id)).cancelled === undefined ? id : undefined;
}
