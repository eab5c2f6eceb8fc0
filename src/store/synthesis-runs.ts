import type { Sha256 } from '../base/brand.ts';
import type { SynthesisJobRow, SynthesisLists } from './synthesis-records.ts';

/**
 * What a cluster's server keeps of a SynthesisJob beside its records and calls (design: cluster.md 12).
 * Every method is one transaction; what it returned is durable.
 */
export interface SynthesisRuns {
  /** Idempotent; throws `Conflict` where the job is known with another specification. */
  planSynthesisRun(job: SynthesisJobRow, run: NewSynthesisRun): Promise<void>;
  getSynthesisRun(job: string): Promise<SynthesisRunRow | undefined>;
  /** By the uid of the Job that the operator told last. */
  synthesisRunOfWorker(worker: string): Promise<SynthesisRunRow | undefined>;
  listSynthesisRuns(): Promise<readonly SynthesisRunRow[]>;
  /** Only the named fields change; `result` and `cancelled` keep the first value that they had. */
  changeSynthesisRun(job: string, changes: SynthesisRunChanges): Promise<void>;

  getSynthesisRecord: SynthesisLists['getSynthesisRecord'];
  pageSynthesisRecords: SynthesisLists['pageSynthesisRecords'];
  /** How each record stands, without what it holds. */
  synthesisLines(job: string): Promise<readonly SynthesisLine[]>;
  synthesisUsage(job: string): Promise<SynthesisUsage>;

  /** A gate run of a candidate is wanted; a known one is left as it is, unless `again` and it failed. */
  wantGate(gate: GateKey, again: boolean): Promise<void>;
  /** Those of one record's candidate, or all that wait for a round. */
  listGates(job: string, of: GateFilter): Promise<readonly GateRow[]>;
  /** Puts gates that wait into a round of its own; its number. */
  addGateRound(job: string, round: NewGateRound, gates: readonly GateKey[]): Promise<number>;
  /** Those that are not over, in order. */
  openGateRounds(job: string): Promise<readonly GateRoundRow[]>;
  getGateRound(job: string, id: number): Promise<GateRoundRow | undefined>;
  setGateBatch(job: string, id: number, batch: string): Promise<void>;
  /** Ends a round with what each of its gates came to. */
  endGateRound(job: string, id: number, reports: readonly GateEnd[]): Promise<void>;
  /** Ends a gate that waits and cannot be run any more. */
  endGate(end: GateEnd): Promise<void>;

  /** Removes at most so many rows of a job, the job itself last. An unknown one is gone. */
  removeSynthesisRows(
    job: string,
    most: number,
  ): Promise<{ readonly removed: number; readonly gone: boolean }>;
}

export interface NewSynthesisRun {
  readonly namespace: string;
  readonly name: string;
  /** JSON. */
  readonly steering: string;
}

export interface SynthesisRunRow extends NewSynthesisRun {
  readonly job: string;
  readonly worker: string | undefined;
  /** JSON. */
  readonly failure: string | undefined;
  /** JSON. */
  readonly result: string | undefined;
  readonly cancelled: string | undefined;
  /** Since when no object is known of it, in ms since the epoch. */
  readonly absentSince: number | undefined;
}

/** `null` takes a value away. */
export interface SynthesisRunChanges {
  readonly steering?: string;
  readonly worker?: string;
  readonly failure?: string | null;
  readonly result?: string;
  readonly cancelled?: string;
  readonly absentSince?: number | null;
}

export interface SynthesisLine {
  readonly number: number;
  readonly stage: string;
  readonly rejectedBy: string | undefined;
  readonly reason: string | undefined;
}

export interface SynthesisUsage {
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly startedAt: number | undefined;
}

/** One run of the gates on one candidate of a record. */
export interface GateKey {
  readonly job: string;
  readonly number: number;
  /** Digest of the candidate. */
  readonly task: Sha256;
  readonly label: string;
  readonly run: string;
}

export interface GateRow extends GateKey {
  readonly round: number | undefined;
  /** JSON, once it is over. */
  readonly report: string | undefined;
}

export interface GateEnd extends GateKey {
  readonly report: string;
  /** Nothing is shown by it: it may be wanted again. */
  readonly failed: boolean;
}

export type GateFilter =
  | Pick<GateKey, 'number' | 'task' | 'label'>
  | { readonly round: number }
  | 'waiting';

export interface NewGateRound {
  readonly run: string;
  readonly label: string;
  readonly taskSet: Sha256;
  readonly agent: string;
  readonly samples: number;
}

export interface GateRoundRow extends NewGateRound {
  readonly id: number;
  readonly batch: string | undefined;
}
