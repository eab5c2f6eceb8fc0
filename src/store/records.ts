import type { AttemptId, BatchId, RolloutId, Sha256 } from '../base/brand.ts';
import type { PodEvidence } from '../protocol/pod-evidence.ts';
import type { AgentEnd, Check, Finding, Outcome, Score } from '../rollouts/outcome.ts';

/**
 * The record store: one row per batch, rollout, attempt, verification and model call
 * (design: architecture.md 3). SQLite and PostgreSQL implement it with the same tests. Every method
 * is one transaction; what it returned is durable. Rows are never deleted by a run.
 */
export interface RecordStore extends AsyncDisposable {
  /**
   * Stores a batch with its planned rollouts. Idempotent: the same batch again is a no-op; the same
   * id with another spec digest throws `Conflict` (message names both digests).
   */
  planBatch(batch: BatchRow, rollouts: readonly PlannedRollout[]): Promise<void>;
  getBatch(id: BatchId): Promise<BatchRow | undefined>;
  /** In order of creation. */
  listBatches(): Promise<readonly BatchRow[]>;
  getRollout(id: RolloutId): Promise<RolloutRow | undefined>;
  /** In plan order. `undecided`: only rows without an outcome. */
  listRollouts(
    batch: BatchId,
    options?: { readonly undecided?: boolean },
  ): Promise<readonly RolloutRow[]>;
  countOutcomes(batch: BatchId): Promise<OutcomeCounts>;

  /**
   * Opens attempt `number` (= last + 1) of an undecided rollout for `engine`. Throws `Conflict`
   * where the rollout is decided or its last attempt is still open.
   */
  openAttempt(rollout: RolloutId, claim: AttemptClaim): Promise<AttemptRow>;
  getAttempt(id: AttemptId): Promise<AttemptRow | undefined>;
  /** By number. */
  listAttempts(rollout: RolloutId): Promise<readonly AttemptRow[]>;
  /** The agent has ended and its workspace is safe (or refused); throws `Fenced` on another nonce. */
  endAttempt(id: AttemptId, nonce: string, end: AttemptEnd): Promise<void>;
  /**
   * Final class of this attempt. Idempotent; throws `Conflict` on another class. `end`: how it ended, where
   * nothing is to be verified; kept as evidence unless an end was stored before.
   */
  closeAttempt(id: AttemptId, close: AttemptClose, end?: AttemptEnd): Promise<void>;

  /** First row of (attempt, kind) wins; a repeat returns the stored one. */
  addVerification(row: VerificationRow): Promise<VerificationRow>;
  listVerifications(attempt: AttemptId): Promise<readonly VerificationRow[]>;
  /**
   * The pod of the attempt, then those that were to grade its workspace, in the order in which they were
   * scheduled: the newest 100 of these. None where it ran on one machine.
   */
  listPods(attempt: AttemptId): Promise<readonly AttemptPod[]>;
  /** Decides the rollout: outcome, score and findings in one write. First decision wins. */
  decideRollout(id: RolloutId, decision: RolloutDecision): Promise<RolloutRow>;
  /**
   * Takes back the decision `infra_error`: it is missing data, never a result. Attempts stay as
   * evidence and use no retry of the new try. Throws `Conflict` for every other outcome.
   */
  reopenRollout(id: RolloutId): Promise<RolloutRow>;

  /** Reserves a call id before the upstream is asked. A known id returns its row. */
  openCall(call: OpenCall): Promise<{ readonly row: CallRow; readonly created: boolean }>;
  /** Stores the answer; after this a repeat of the id is answered from the record. */
  finishCall(callId: string, finish: CallFinish): Promise<void>;
  getCall(callId: string): Promise<CallRow | undefined>;
  /** In order of `sequence`. */
  listCalls(attempt: AttemptId): Promise<readonly CallRow[]>;
}

export interface BatchRow {
  readonly id: BatchId;
  /** Kind and name of the object that owns the batch, for people. */
  readonly owner: { readonly kind: string; readonly name: string; readonly arm: string };
  readonly taskSet: Sha256;
  /** Digest of everything that decides results: agent, model, limits, verification. */
  readonly specDigest: Sha256;
  /** The frozen spec as canonical JSON; its meaning is the engine's. */
  readonly spec: string;
  readonly createdAt: number;
}

export interface PlannedRollout {
  readonly id: RolloutId;
  readonly taskId: string;
  readonly taskDigest: Sha256;
  /** 0-based index among the samples of one task. */
  readonly sample: number;
  /** Set where the plan itself decides, for example `not_gradable`. */
  readonly decided?: { readonly outcome: Outcome; readonly reason: string };
}

export interface RolloutRow extends Omit<PlannedRollout, 'decided'> {
  readonly batch: BatchId;
  /** Position in the plan, from 0. */
  readonly position: number;
  /** Attempts up to this number use no retry: the last one when the rollout was opened again. */
  readonly retriesFrom: number;
  readonly decision: RolloutDecision | undefined;
}

export interface RolloutDecision {
  readonly outcome: Outcome;
  /** CamelCase cause, for example "VerifierCrashed"; empty where the outcome says it all. */
  readonly reason: string;
  /** The attempt that decided; absent where none ran. */
  readonly attempt: AttemptId | undefined;
  readonly score: Score;
  /** Score of the workspace as the agent left it, where a protected input was changed. */
  readonly asLeft: Score | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
  readonly decidedAt: number;
}

export type OutcomeCounts = Readonly<Partial<Record<Outcome, number>>> & {
  readonly planned: number;
  readonly undecided: number;
};

export interface AttemptClaim {
  /** Identifies the engine process; a restarted engine has another one. */
  readonly engine: string;
  /** Authorises `endAttempt`; a newer claim replaces it. */
  readonly nonce: string;
  readonly startedAt: number;
  /** Name, version and configuration digest of the harness. */
  readonly harness: {
    readonly name: string;
    readonly version: string;
    readonly configDigest: Sha256;
  };
}

export interface AttemptRow extends AttemptClaim {
  readonly id: AttemptId;
  readonly rollout: RolloutId;
  /** From 1. */
  readonly number: number;
  readonly end: AttemptEnd | undefined;
  readonly close: AttemptClose | undefined;
}

export interface AttemptEnd {
  readonly agent: AgentEnd;
  /** Artifact of the workspace; absent where it was refused or never arrived. */
  readonly snapshot: Sha256 | undefined;
  /** Why there is no snapshot, where there is none. */
  readonly refused: string | undefined;
  readonly stdout: Sha256 | undefined;
  readonly stderr: Sha256 | undefined;
  readonly findings: readonly Finding[];
  readonly endedAt: number;
}

/** `disruption`: not the rollout's fault, own counter (design: rollouts.md 5). */
export interface AttemptClose {
  readonly class: Outcome | 'disruption';
  readonly reason: string;
  readonly closedAt: number;
}

/** `main`: protected inputs restored; the others as in rollouts.md 4 and 7. */
export type VerificationKind = 'main' | 'asLeft' | 'doubled' | 'pristine';

export interface VerificationRow {
  readonly attempt: AttemptId;
  readonly kind: VerificationKind;
  readonly status: 'ok' | 'crash' | 'timeout' | 'invalid';
  /** Last words of the verifier where it failed; bounded. */
  readonly message: string;
  readonly checks: readonly Check[];
  readonly flat: number | null;
  readonly native: number | null;
  readonly seconds: number;
  /** What graded: runner root digest or "host", and the Python version. */
  readonly grader: { readonly root: string; readonly python: string };
  readonly findings: readonly Finding[];
  readonly createdAt: number;
}

/** A pod that worked for an attempt, and what became of it. */
export interface AttemptPod {
  /** `rollout`: the agent's; else the verification that it was to carry out. */
  readonly work: 'rollout' | VerificationKind;
  readonly evidence: PodEvidence;
}

export interface OpenCall {
  readonly callId: string;
  readonly attempt: AttemptId;
  readonly startedAt: number;
  readonly model: string;
  /** Artifact of the request body, byte for byte. */
  readonly request: Sha256;
}

export interface CallRow extends OpenCall {
  /** From 1 within the attempt, in order of arrival. */
  readonly sequence: number;
  readonly finish: CallFinish | undefined;
}

export interface CallFinish {
  readonly status: number;
  readonly contentType: string;
  /** Artifact of the response body as it was sent to the agent, byte for byte. */
  readonly response: Sha256;
  /** `complete`; `aborted` by the agent; `budget`: we ended the episode; `error`: upstream gave up. */
  readonly result: 'complete' | 'aborted' | 'budget' | 'error';
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  /** Artifact of the answer's token ids and log-probabilities, where the upstream was asked for them. */
  readonly tokens?: Sha256 | undefined;
  readonly endedAt: number;
}
