import type { Sha256 } from '../base/brand.ts';
import type {
  AttemptRow,
  BatchRow,
  CallRow,
  RolloutRow,
  VerificationRow,
} from '../store/records.ts';
import type { AgentCode } from '../tasks/task.ts';
import type { ArmKind } from './results.ts';

/** What the results of a run are computed from: plain rows, without a store. */
export interface RunFacts {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly product: { readonly name: string; readonly version: string };
  readonly taskSet: Sha256;
  /** In the order of the task set. */
  readonly tasks: readonly TaskFacts[];
  readonly score: 'native' | 'flat';
  readonly command: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly arms: readonly ArmFacts[];
}

export interface TaskFacts {
  readonly id: string;
  readonly digest: Sha256;
  readonly category: string;
  readonly cluster: string;
  /** `unknown` for a task without a code verifier. */
  readonly agentCode: AgentCode | 'unknown';
}

/** What the caller knows of an arm; its rows come from the record store. */
export interface ArmLabel {
  readonly name: string;
  readonly kind: ArmKind;
  readonly agent: {
    readonly name: string;
    readonly version: string;
    readonly configDigest: Sha256;
  };
  readonly model: string | undefined;
  /** Of a model of ours; absent: nothing is known. */
  readonly training?: TrainingFacts | undefined;
}

/** What an arm's model learned from, as far as its record and those of its bases go. */
export interface TrainingFacts {
  /** Ids of tasks of this run that it was trained on. */
  readonly shared: readonly string[];
  /** Digests of models, exports and task sets of its past that could not be read. */
  readonly unread: readonly string[];
}

export interface ArmFacts extends ArmLabel {
  readonly batch: Pick<BatchRow, 'id' | 'specDigest'>;
  readonly rollouts: readonly RolloutFacts[];
}

export interface RolloutFacts {
  readonly row: RolloutRow;
  readonly attempts: readonly AttemptFacts[];
}

export interface AttemptFacts {
  readonly row: Pick<AttemptRow, 'id' | 'end'>;
  readonly graders: readonly VerificationRow['grader'][];
  readonly calls: readonly Pick<CallRow, 'finish'>[];
}
