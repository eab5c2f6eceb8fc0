import type { z } from 'zod';
import type { Sha256 } from '../base/brand.ts';
import type {
  BatchState,
  BenchResultsAnswer,
  BenchResultsBody,
  ExpectImportBody,
  JobState,
  LivingBody,
  OpenBatch,
  PlanBatchBody,
  RolloutLines,
  ServerInfo,
  TaskSetAnswer,
  TaskSourceBody,
  zJobOverBody,
  zNewJobBody,
} from './operator-api.ts';
import type { PodEvidence } from './pod-evidence.ts';
import type { PolicyServing } from './policy-server.ts';
import type { SynthesisServer } from './synthesis-server.ts';
import type { TrainingServer } from './training-server.ts';

export type NewJobBody = z.infer<typeof zNewJobBody>;
export type JobOverCause = z.infer<typeof zJobOverBody>['cause'];

/**
 * The server as the controllers see it (design: docs/design/cluster.md 4). All calls are idempotent
 * and may be repeated after any failure.
 *
 * Every call throws `ServerUnavailable` (retryable; `details.retryAfterMs` where the server named a
 * time) where the server gave no answer of its own, else the error that the server named.
 */
export interface ClawGymServer extends PolicyServing, TrainingServer {
  info(call: ServerCall): Promise<ServerInfo>;
  /** Throws `Conflict` for a uid that is stored with another spec. */
  planBatch(uid: string, body: PlanBatchBody, call: ServerCall): Promise<BatchState>;
  /** Undefined for a batch that was never planned. */
  batch(uid: string, call: ServerCall): Promise<BatchState | undefined>;
  /** Those with an undecided rollout. */
  openBatches(call: ServerCall): Promise<readonly OpenBatch[]>;
  newJob(uid: string, body: NewJobBody, call: ServerCall): Promise<JobState>;
  jobCreated(uid: string, jobName: string, jobUid: string, call: ServerCall): Promise<void>;
  jobOver(uid: string, jobName: string, cause: JobOverCause, call: ServerCall): Promise<void>;
  /** Uids of the pods that may be deleted now. At most 500 pods. */
  evidence(uid: string, pods: readonly PodEvidence[], call: ServerCall): Promise<readonly string[]>;
  /** Every undecided rollout is decided `cancelled`; with `BATCH_DELETED` its Jobs are over too. */
  cancel(uid: string, reason: string, call: ServerCall): Promise<void>;
  /** Digest of the results. Throws `Conflict` while a rollout is undecided. */
  finish(uid: string, call: ServerCall): Promise<Sha256>;
  /** One line a rollout, in plan order. */
  rollouts(uid: string, call: ServerCall): Promise<RolloutLines>;
  benchResults(uid: string, body: BenchResultsBody, call: ServerCall): Promise<BenchResultsAnswer>;
  taskSet(source: TaskSourceBody, call: ServerCall): Promise<TaskSetAnswer>;
  /** The pod may hand in one task set; what is expected does not outlive the server's process. */
  expectImport(podUid: string, body: ExpectImportBody, call: ServerCall): Promise<void>;
  /** What the objects of the cluster name, for retention. */
  living(body: LivingBody, call: ServerCall): Promise<void>;
  readonly synthesis: SynthesisServer;
}

export interface ServerCall {
  readonly signal: AbortSignal;
}
