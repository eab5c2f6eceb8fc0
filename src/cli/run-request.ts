import type { AgentSpec } from '../api/agent-spec.ts';
import type { ClawTask } from '../api/claw-task.ts';
import type { Sha256 } from '../base/brand.ts';
import type { FixedSampling } from '../gateway/chat-request.ts';
import type { BatchSettings, EpisodeBudgets } from '../server/planning/batch-settings.ts';
import type { TasksContent } from './config-map-tasks.ts';

/** A run on this machine, whether it came from a manifest or from flags. */
export interface RunRequest {
  /** Kind of the object, for people and rows. */
  readonly kind: 'BenchRun' | 'RolloutBatch';
  readonly name: string;
  readonly tasks: TasksRequest;
  readonly arms: readonly ArmRequest[];
  /** Samples of each task in each arm. */
  readonly samples: number;
  /** Rollouts at a time; undefined: the number of cores. */
  readonly parallelism: number | undefined;
  /** Ask each endpoint for one answer before the first rollout that needs it; absent: yes. */
  readonly modelCheck?: boolean | undefined;
  /** Open rollouts again that an earlier run decided as `infra_error`; absent: no. */
  readonly retryInfraErrors?: boolean | undefined;
  /** Seconds after which the run stops as by Ctrl-C; it can be continued. */
  readonly deadlineSeconds?: number | undefined;
  /** Budgets live with the arms. */
  readonly settings: Omit<BatchSettings, 'budgets'>;
}

export interface TasksRequest {
  /** Absolute path of whatever the importers read; with `objects`, the manifest they stand in. */
  readonly path: string;
  /** ClawTasks of the manifest itself, in place of what `path` holds. */
  readonly objects?: readonly ClawTask[] | undefined;
  /** Tasks of a ConfigMap of the manifest, in place of what `path` holds. */
  readonly content?: TasksContent | undefined;
  /** Only these ids; undefined: all. */
  readonly ids: readonly string[] | undefined;
  readonly skipInvalid: boolean;
}

export interface ArmRequest {
  readonly name: string;
  readonly agent: AgentSpec;
  readonly model: ModelRequest | undefined;
  /** Host folders for the agent "command", read-only. */
  readonly mounts?: readonly { readonly source: string; readonly target: string }[] | undefined;
  readonly budgets: EpisodeBudgets;
}

export interface ModelRequest {
  readonly name: string;
  /** Sampling that the run fixes; absent: the agent's own. */
  readonly sampling?: FixedSampling | undefined;
  /** Ask the endpoint for the tokens of its answers, and record them. */
  readonly capturesTokens?: boolean | undefined;
  readonly source:
    | { readonly kind: 'recording'; readonly path: string }
    | {
        readonly kind: 'endpoint';
        readonly baseUrl: string;
        readonly apiKeyEnv: string | undefined;
      }
    /** A model of ours, which this run serves itself. */
    | { readonly kind: 'artifact'; readonly digest: Sha256 }
    | { readonly kind: 'trainingRun'; readonly name: string };
}
