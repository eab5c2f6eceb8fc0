import type { Sha256 } from '../base/brand.ts';

/** Runs of trainers in a cluster (design: lifecycle.md 2). Every method is one transaction. */
export interface TrainingRecords {
  /**
   * Stores a run, and returns it. Idempotent: with the same digest the row that is there; with another
   * one `Conflict`.
   */
  planTraining(row: TrainingRow): Promise<TrainingRow>;
  getTraining(uid: string): Promise<TrainingRow | undefined>;
  /** In order of creation. */
  listTrainings(): Promise<readonly TrainingRow[]>;
  /** Replaces what changes of a run. `NotFound` where it was never planned. */
  saveTraining(uid: string, data: string): Promise<void>;
  /** A pod of the run has put this artifact: it may be named, and is kept. Idempotent. */
  addTrainingUpload(run: string, digest: Sha256): Promise<void>;
  trainingUploads(run: string): Promise<ReadonlySet<Sha256>>;
  /** They are no use any more, unless something else names them. */
  forgetTrainingUploads(run: string, digests: readonly Sha256[]): Promise<void>;
  /** Runs that no object is known of, with the time since when, in ms since the epoch. */
  trainingAbsences(): Promise<ReadonlyMap<string, number>>;
  /** `since` undefined: its object is there. */
  setTrainingAbsence(uid: string, since: number | undefined): Promise<void>;
  /**
   * Removes at most so many rows of a run: what it put, its steps and policies, itself last. An unknown one
   * is gone.
   */
  removeTraining(
    uid: string,
    most: number,
  ): Promise<{ readonly removed: number; readonly gone: boolean }>;
}

export interface TrainingRow {
  /** Of the TrainingRun. */
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Digest of `spec`. */
  readonly specDigest: Sha256;
  /** What the run was frozen to, as canonical JSON. */
  readonly spec: string;
  /** What changes while it goes on, as canonical JSON. */
  readonly data: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}
