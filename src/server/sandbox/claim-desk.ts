import type { Sha256 } from '../../base/brand.ts';
import type {
  AttemptEndBody,
  CompanionClaim,
  FetchClaim,
  NoClaim,
  ReportClaim,
  StageClaim,
  VerdictBody,
} from '../../protocol/sandbox-api.ts';
import type { ClaimRow, Fetched, JobRow, WorkRow } from '../../store/cluster-records.ts';

/**
 * Decides what the sandbox listener hands out. The listener has proven who asks; it makes the
 * credentials, keeps the claims and fences late writers. Every method is idempotent. A `ClawError`
 * goes to the caller with its code: `Fenced` and `Conflict` as 409, `InvalidInput` as 400.
 */
export interface ClaimDesk {
  /** Opens the pod's attempt, or gives it again with another nonce. */
  stage(pod: ClaimingPod): Promise<DeskAnswer<StageGrant>>;
  companion(pod: ClaimingPod): Promise<DeskAnswer<CompanionGrant>>;
  fetch(pod: ClaimingPod): Promise<DeskAnswer<FetchGrant>>;
  report(pod: ClaimingPod): Promise<DeskAnswer<ReportGrant>>;
  /** Once it resolved, the listener revokes the attempt's model link. */
  end(claim: ClaimRow, body: AttemptEndBody): Promise<void>;
  fetched(claim: ClaimRow, fetched: Fetched): Promise<void>;
  verdict(claim: ClaimRow, body: VerdictBody): Promise<void>;
}

/** A pod whose token, uid, Job and index are proven. */
export interface ClaimingPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Has a deletionTimestamp: gets no new attempt. */
  readonly terminating: boolean;
  /** Live, and with the uid of the pod's controller. */
  readonly job: JobRow;
  readonly row: WorkRow;
  /** The pod as the API server gave it a moment ago. */
  readonly object: unknown;
}

export type DeskAnswer<T> = { readonly grant: T } | { readonly refusal: NoClaim };

export type StageGrant = Omit<StageClaim, 'credential'>;

/** The listener makes the bearer of the model link. */
export type CompanionGrant = Omit<CompanionClaim, 'credential' | 'linkBearer'> & {
  readonly hasModel: boolean;
};

export type FetchGrant = Omit<FetchClaim, 'credential'> & {
  /** Inputs and verifier files of the task, which `fetch` reads beside the snapshot. */
  readonly reads: readonly Sha256[];
  /** Nonce in the grader's spec; kept with the claim, for `report` to ask for. */
  readonly nonce: string;
};

export type ReportGrant = Omit<ReportClaim, 'credential'>;
