import type { AgentSpec } from '../../api/agent-spec.ts';
import type { Sha256 } from '../../base/brand.ts';
import type { BatchSettings } from '../../server/planning/batch-settings.ts';
import type { RlGroups } from '../../training/rl/rl-run.ts';
import type { CutAnswers } from '../../training/rl/step-groups.ts';
import type { TasksRequest } from '../run-request.ts';

/** A reinforcement run on this machine, whatever kind of object asked for it. */
export interface ReinforceRequest {
  /** Name of the TrainingRun; its batches are named after it. */
  readonly name: string;
  readonly base: {
    readonly digest: Sha256;
    readonly templateSha256: string;
    readonly tokenizerSha256: string;
  };
  readonly seed: number;
  readonly steps: number;
  readonly groups: RlGroups;
  readonly tasks: TasksRequest;
  readonly evaluation:
    | { readonly every: number; readonly tasks: TasksRequest | undefined; readonly samples: number }
    | undefined;
  readonly agent: AgentSpec;
  readonly settings: BatchSettings;
  readonly sampling: {
    /** Decimal strings, as the manifest has them. */
    readonly temperature: string;
    readonly topP: string;
    readonly maxTokens: number | undefined;
  };
  readonly cutAnswers: CutAnswers;
  /** Longest row that the trainer takes. */
  readonly maxRowTokens: number;
  readonly trainerRetries: number;
  readonly graceSeconds: number;
  /** Rollouts at a time; undefined: the number of cores. */
  readonly parallelism: number | undefined;
  readonly folders: RunFolders;
  /** Writes RUN_SPEC for a trainer that finds its batches there, and returns its path. */
  readonly writeSpec: (batches: {
    readonly url: string;
    readonly tokenFile: string;
  }) => Promise<string>;
}

/** Folders of the pod contract on this machine. */
export interface RunFolders {
  /** RUN_IN: with `model/` and `template/`. */
  readonly in: string;
  /** RUN_OUT: the trainer's, with `policy/v-N/`. */
  readonly out: string;
  /** Logs, pids, ports. */
  readonly work: string;
}
