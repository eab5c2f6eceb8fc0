import type { Sha256 } from '../base/brand.ts';

/** What is kept of a synthesis: its job, one row a record, one row an answered model call. */
export interface SynthesisReader {
  getSynthesis(job: string): Promise<SynthesisJobRow | undefined>;
  /** By number. */
  listSynthesisRecords(job: string): Promise<readonly SynthesisRecordRow[]>;
  getSynthesisCall(callId: string): Promise<SynthesisCallRow | undefined>;
  /** By record and start. */
  listSynthesisCalls(job: string): Promise<readonly SynthesisCallRow[]>;
}

/** How people look at it: what lies there, and one record with its calls. */
export interface SynthesisLists {
  /** In order of creation. */
  listSyntheses(): Promise<readonly SynthesisJobRow[]>;
  getSynthesisRecord(job: string, number: number): Promise<SynthesisRecordRow | undefined>;
  /** By number, from the one after `after`. */
  pageSynthesisRecords(
    job: string,
    after: number,
    most: number,
  ): Promise<readonly SynthesisRecordRow[]>;
  /** Of one record, by start. */
  listRecordCalls(job: string, number: number): Promise<readonly SynthesisCallRow[]>;
}

/** Every method is one transaction; what it returned is durable. */
export interface SynthesisRecords extends SynthesisReader {
  /** Idempotent; throws `Conflict` where the job is known with another specification. */
  planSynthesis(job: SynthesisJobRow): Promise<void>;
  /** Begins a record with revision 0; a known number is left as it is. */
  addSynthesisRecord(row: SynthesisRecordRow): Promise<void>;
  /**
   * Replaces a record by its next checkpoint. Throws `Conflict` unless the stored revision is that of
   * the row less one and the record has not ended: no stage is done twice, and no end is taken back.
   */
  saveSynthesisRecord(row: SynthesisRecordRow): Promise<void>;
  /** The first row of a call id wins; a repeat returns it. */
  addSynthesisCall(row: SynthesisCallRow): Promise<SynthesisCallRow>;
}

export interface SynthesisJobRow {
  /** Uid of the object, or the local run's name. */
  readonly id: string;
  readonly specDigest: Sha256;
  /** Canonical JSON of everything that decides the result. */
  readonly spec: string;
  readonly createdAt: number;
}

export interface SynthesisRecordRow {
  readonly job: string;
  /** From 1, in order of sampling. */
  readonly number: number;
  /** Checkpoints so far. */
  readonly revision: number;
  /** What runs next; `accepted` and `rejected` are the ends. */
  readonly stage: string;
  /** Canonical JSON; its form is that of src/synthesis. */
  readonly data: string;
  readonly endedAt: number | undefined;
}

export interface SynthesisCallRow {
  readonly callId: string;
  readonly job: string;
  readonly number: number;
  readonly stage: string;
  readonly role: 'generator' | 'judge';
  readonly model: string;
  /** Artifacts of both bodies, byte for byte. */
  readonly request: Sha256;
  readonly response: Sha256;
  readonly status: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly startedAt: number;
  readonly endedAt: number;
}
