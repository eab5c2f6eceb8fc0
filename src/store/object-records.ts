import type { Sha256 } from '../base/brand.ts';

/**
 * Objects that were run on this machine and that made something: a model, a task set. Others refer to
 * them by name, as objects of a namespace do in a cluster.
 */
export interface ObjectRecords extends ObjectReader {
  /**
   * Stores an object when its run begins, and returns it. Idempotent: with the same digest the row that
   * is there; with another one `Conflict`, unless that one failed and so made nothing: then the new one
   * takes its place.
   */
  beginObject(row: NewObject): Promise<ObjectRow>;
  /** Stores what came of it; the last word wins. `NotFound` where it was never begun. */
  endObject(kind: string, name: string, end: ObjectEnd): Promise<ObjectRow>;
}

export interface ObjectReader {
  getObject(kind: string, name: string): Promise<ObjectRow | undefined>;
  /** In order of creation. */
  listObjects(kind: string): Promise<readonly ObjectRow[]>;
}

export interface NewObject {
  readonly kind: string;
  readonly name: string;
  /** Digest of everything of the object that decides its result. */
  readonly specDigest: Sha256;
  /** That, with what it was frozen to, as canonical JSON; its meaning is the kind's. */
  readonly spec: string;
  readonly createdAt: number;
}

export interface ObjectEnd {
  readonly state: 'complete' | 'failed';
  /** What it made, or why it did not, as canonical JSON; its meaning is the kind's. */
  readonly result: string;
  readonly endedAt: number;
}

export interface ObjectRow extends NewObject {
  readonly end: ObjectEnd | undefined;
}
