import type { EvaluationResult } from '../../api/evaluation-result.ts';
import type { Sha256 } from '../../base/brand.ts';
import type { TrainingDone } from '../../training/result.ts';
import type { RunSpec } from '../../training/run-spec.ts';

/** The folders of one run on this machine. */
export interface TrainingFolders {
  /** RUN_IN. */
  readonly in: string;
  /** RUN_OUT. */
  readonly out: string;
  /** Specification, logs and pids. */
  readonly work: string;
}

/** A run whose trainer is done. */
export interface TrainedEnd {
  readonly spec: RunSpec;
  readonly result: TrainingDone;
  /** The tasks that were trained on; reinforcement only. */
  readonly taskSet?: Sha256 | undefined;
  /** Digests of those of them that a step drew; reinforcement only. */
  readonly tasks?: readonly Sha256[] | undefined;
  /** Mean reward of the last step that had one; reinforcement only. */
  readonly reward?: number | undefined;
  /** What its evaluations found, the newest one last; reinforcement only. */
  readonly evaluations?: readonly EvaluationResult[] | undefined;
}
