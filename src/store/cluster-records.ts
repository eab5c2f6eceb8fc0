import type { AttemptId, BatchId, Sha256 } from '../base/brand.ts';
import type { Shape } from '../protocol/operator-api.ts';
import type { Role } from '../protocol/pod-contract.ts';
import type { PodEvidence } from '../protocol/pod-evidence.ts';
import type { Finding, Outcome } from '../rollouts/outcome.ts';
import type { ObjectRecords } from './object-records.ts';
import type {
  AttemptRow,
  BatchRow,
  RecordStore,
  VerificationKind,
  VerificationRow,
} from './records.ts';
import type { RetentionRecords } from './retention-records.ts';
import type { RlRecords } from './rl-records.ts';
import type { SynthesisLists, SynthesisRecords } from './synthesis-records.ts';
import type { SynthesisRuns } from './synthesis-runs.ts';
import type { TrainingRecords } from './training-records.ts';

/**
 * What a cluster's server keeps beside the records: Jobs and their work lists, what became of pods,
 * who claimed what (design: cluster.md 2 to 5). Every method is one transaction; what it returned is
 * durable. Rows are never deleted by a run.
 */
export interface ClusterRecords {
  /**
   * Stores a Job and its rows; index i is `items[i]`. A name that is known answers what was stored
   * under it, whatever is asked now. Throws `Conflict` where an unsettled row of another live Job of
   * the batch carries one of the items, and `InvalidInput` for no items or one twice. Names are those of
   * a batch: another's may have the same, in its own namespace.
   */
  newJob(job: NewJob, items: readonly WorkItem[]): Promise<CountedJobRow>;
  /** Idempotent; another uid than the stored one is `Conflict`, an unknown name `NotFound`. */
  setJobUid(job: JobRef, uid: string): Promise<void>;
  /** Its pods are gone; its unsettled rows wait again. The first cause holds. */
  jobOver(job: JobRef, cause: JobOverCause): Promise<void>;
  jobByName(job: JobRef): Promise<JobRow | undefined>;
  jobByUid(uid: string): Promise<JobRow | undefined>;
  /** In order of creation. */
  listJobs(
    batch: BatchId,
    options?: { readonly live?: boolean },
  ): Promise<readonly CountedJobRow[]>;
  /** By index. */
  rowsOf(job: JobRef): Promise<readonly WorkRow[]>;
  rowOf(job: JobRef, index: number): Promise<WorkRow | undefined>;
  /** Items that live Jobs of the batch still carry: everything else that is undecided waits. */
  carriedItems(batch: BatchId): Promise<readonly WorkItem[]>;
  /** The row needs nothing more from its Job. Idempotent. */
  settleRow(job: JobRef, index: number): Promise<void>;
  /** Settles the row by which a live Job of the batch carries the item, if one does. Idempotent. */
  settleItem(batch: BatchId, item: WorkItem): Promise<void>;

  /**
   * What became of a pod. Later evidence replaces earlier, but nothing replaces that of a pod that is
   * gone. Only where that shows nothing but the absence, as a claim saw it, does fuller evidence take
   * its place until the pod's attempt is closed. Returns what is stored now.
   */
  putEvidence(batch: BatchId, evidence: PodEvidence): Promise<PodEvidence>;
  getEvidence(podUid: string): Promise<PodEvidence | undefined>;
  /** Of the pods of the batch that were to grade something, in no order. */
  gradingEvidence(batch: BatchId): Promise<readonly GradingEvidence[]>;

  /**
   * Stores a claim; an older one of the same pod and role is replaced, so its credential and bearer
   * are worth nothing from here on. `createdAt` stays that of the first.
   */
  putClaim(claim: ClaimRow): Promise<ClaimRow>;
  claimOf(podUid: string, role: Role): Promise<ClaimRow | undefined>;
  claimByCredential(credentialHash: Sha256): Promise<ClaimRow | undefined>;
  claimByLink(linkBearerHash: Sha256): Promise<ClaimRow | undefined>;
  /** The bearers of an attempt's model calls are worth nothing from here on. Idempotent. */
  revokeLinks(attempt: AttemptId): Promise<void>;

  /** Why the model endpoint, and not the agent, failed an attempt. The first reason holds. */
  putModelLoss(attempt: AttemptId, reason: string): Promise<void>;
  getModelLoss(attempt: AttemptId): Promise<string | undefined>;

  /** Batches with a rollout that is not decided, in order of creation. */
  openBatches(): Promise<readonly BatchRow[]>;

  /** The attempt that a pod opened: `engine` is `pod:<pod uid>`. */
  attemptOfPod(podUid: string): Promise<AttemptRow | undefined>;
  /** Another nonce for an attempt without end; throws `Fenced` where it has ended or is closed. */
  renewAttempt(id: AttemptId, nonce: string): Promise<AttemptRow>;
  /** In plan order, then by number. `undecided`: only of rollouts without an outcome. */
  attemptsOfBatch(
    batch: BatchId,
    options?: { readonly undecided?: boolean },
  ): Promise<readonly AttemptRow[]>;
  verificationsOfBatch(
    batch: BatchId,
    options?: { readonly undecided?: boolean },
  ): Promise<readonly VerificationRow[]>;
  countAttempts(batch: BatchId): Promise<AttemptCounts>;

  /** First row of (namespace, task digest, gate) wins; a repeat returns the stored one. */
  addGateRun(row: GateRunRow): Promise<GateRunRow>;
  listGateRuns(namespace: string, taskDigest: Sha256): Promise<readonly GateRunRow[]>;

  /** What `fetch` of a verify pod told. The first holds. */
  putFetched(podUid: string, fetched: Fetched): Promise<void>;
  /** Undefined where `fetch` has said nothing yet. */
  getFetched(podUid: string): Promise<Fetched | undefined>;

  /** The pod of the claim put the artifact. Idempotent; of one pod the newest `POD_UPLOADS` are known. */
  addUpload(claim: Pick<ClaimRow, 'batch' | 'podUid'>, digest: Sha256): Promise<void>;
  /** Artifacts that the pod put: its end may name these and no others. */
  uploadsOf(podUid: string): Promise<ReadonlySet<Sha256>>;

  /**
   * What a trusted container reported and its pod's evidence has to judge, as JSON: an agent that was
   * stopped, a verdict that is none. The first text holds.
   */
  putPodReport(podUid: string, text: string): Promise<void>;
  getPodReport(podUid: string): Promise<string | undefined>;

  /** Short facts of a batch that are no rows of their own; the last value holds. */
  setBatchNote(batch: BatchId, key: BatchNote, value: string): Promise<void>;
  batchNotes(batch: BatchId): Promise<Readonly<Partial<Record<BatchNote, string>>>>;
}

/** An end names three; a companion that is started again puts others. */
export const POD_UPLOADS = 64;

/** The part of it that runs on one machine keep too. */
export type BatchNotes = Pick<ClusterRecords, 'batchNotes' | 'setBatchNote'>;

/** The store of a cluster's server. */
export type ClusterStore = RecordStore &
  ClusterRecords &
  RetentionRecords &
  RlRecords &
  ObjectRecords &
  TrainingRecords &
  SynthesisRecords &
  SynthesisLists & { readonly synthesisRuns: SynthesisRuns };

/**
 * Digest of the results, exports (JSON), digest that the source has now, reason of a cancellation, end
 * (ms); of a batch that is a step of training: what it was frozen to, what the trainer said of it (JSON).
 */
export const BATCH_NOTES = [
  'results',
  'exports',
  'sourceNow',
  'cancelled',
  'decidedAt',
  'rlStep',
  'rlTrained',
] as const;
export type BatchNote = (typeof BATCH_NOTES)[number];

export const JOB_OVER_CAUSES = ['finished', 'paused', 'replaced', 'deadline', 'lost'] as const;
export type JobOverCause = (typeof JOB_OVER_CAUSES)[number];

export const GATES = ['nop', 'lazy', 'solution'] as const;
export type Gate = (typeof GATES)[number];

/** One unit of a Job's work. */
export type WorkItem =
  | { readonly kind: 'rollout'; readonly position: number }
  | {
      readonly kind: 'verification';
      readonly attempt: AttemptId;
      readonly verification: VerificationKind;
    }
  | { readonly kind: 'gate'; readonly taskDigest: Sha256; readonly gate: Gate };

export interface NewJob {
  readonly name: string;
  readonly batch: BatchId;
  /** Namespace of the batch: pods of other namespaces are not its pods, whatever they say. */
  readonly namespace: string;
  readonly shape: Shape;
  readonly generation: number;
  readonly createdAt: number;
}

/** Which Job: a row of one serves too. */
export type JobRef = Pick<NewJob, 'batch' | 'name'>;

export interface JobRow extends NewJob {
  readonly uid: string | undefined;
  readonly live: boolean;
  readonly cause: JobOverCause | undefined;
}

/** Counting reads every row of the Job, so who only wants to know which one it is does without. */
export interface CountedJobRow extends JobRow {
  /** Number of rows. */
  readonly length: number;
  readonly settled: number;
}

export interface WorkRow {
  readonly job: string;
  readonly index: number;
  readonly item: WorkItem;
  readonly settled: boolean;
}

/** What became of a pod that was to grade something, and what its `report` found wrong. */
export interface GradingEvidence {
  readonly item: Exclude<WorkItem, { kind: 'rollout' }>;
  readonly evidence: PodEvidence;
  readonly report: string | undefined;
}

/** What a trusted container of a pod may do, until the next claim of the same pod and role. */
export interface ClaimRow {
  readonly podUid: string;
  readonly role: Role;
  readonly batch: BatchId;
  readonly job: string;
  readonly index: number;
  readonly item: WorkItem;
  /** Absent for gate runs. */
  readonly attempt: AttemptId | undefined;
  readonly credentialHash: Sha256;
  /** Of the companion of an agent with a model, until the attempt ends. */
  readonly linkBearerHash: Sha256 | undefined;
  /** Nonce that names the report of the untrusted container beside it; may be empty. */
  readonly nonce: string;
  /** Artifacts that the claim names, and no others, may be read. */
  readonly reads: readonly Sha256[];
  /** Milliseconds since the epoch of the first claim of this pod and role. */
  readonly createdAt: number;
}

/** What `fetch` of a verify pod told before grading began. */
export interface Fetched {
  /** What it put right. */
  readonly findings: readonly Finding[];
  /** Identity of the tools in the image that grades; undefined where the image does not name it. */
  readonly graderRoot: Sha256 | undefined;
}

/** One run of a task's own gates (design: rollouts.md 7). */
export interface GateRunRow {
  /** Where it ran: what one namespace's pods say holds for no other's results. */
  readonly namespace: string;
  readonly taskDigest: Sha256;
  readonly gate: Gate;
  readonly status: VerificationRow['status'];
  /** Check names in the verifier's order; null without a verdict. */
  readonly names: readonly string[] | null;
}

export interface AttemptCounts {
  readonly attempts: number;
  /** Agents at work: neither ended nor closed. */
  readonly running: number;
  readonly classes: Readonly<Partial<Record<Outcome | 'disruption', number>>>;
}
