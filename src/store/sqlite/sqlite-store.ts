import type { AttemptId, BatchId, RolloutId } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { BatchNote } from '../cluster-records.ts';
import type { NewObject, ObjectEnd, ObjectRecords, ObjectRow } from '../object-records.ts';
import type {
  AttemptClaim,
  AttemptClose,
  AttemptEnd,
  AttemptRow,
  BatchRow,
  CallFinish,
  CallRow,
  OpenCall,
  PlannedRollout,
  RecordStore,
  RolloutDecision,
  RolloutRow,
  VerificationRow,
} from '../records.ts';
import type {
  SynthesisCallRow,
  SynthesisJobRow,
  SynthesisRecordRow,
  SynthesisRecords,
} from '../synthesis-records.ts';
import { closeAttempt, endAttempt, openAttempt } from './attempts.ts';
import { setBatchNote } from './batch-notes.ts';
import { planBatch } from './batches.ts';
import { finishCall, openCall } from './calls.ts';
import type { Connection } from './connection.ts';
import { GroupCommit } from './group-commit.ts';
import { beginObject, endObject } from './objects.ts';
import { decideRollout, reopenRollout } from './rollouts.ts';
import { SqliteReader } from './sqlite-reader.ts';
import {
  addSynthesisCall,
  addSynthesisRecord,
  planSynthesis,
  saveSynthesisRecord,
} from './synthesis.ts';
import { addVerification } from './verifications.ts';

/** The owner's store: reads as the reader does, writes through group commits. */
export class SqliteStore
  extends SqliteReader
  implements RecordStore, ObjectRecords, SynthesisRecords
{
  readonly #commits: GroupCommit;
  readonly #lock: Disposable;
  #closing = false;

  constructor(connection: Connection, lock: Disposable) {
    super(connection);
    this.#commits = new GroupCommit(connection);
    this.#lock = lock;
  }

  planBatch(batch: BatchRow, rollouts: readonly PlannedRollout[]): Promise<void> {
    return this.write((db) => planBatch(db, batch, rollouts));
  }

  setBatchNote(batch: BatchId, key: BatchNote, value: string): Promise<void> {
    return this.write((db) => setBatchNote(db, batch, key, value));
  }

  openAttempt(rollout: RolloutId, claim: AttemptClaim): Promise<AttemptRow> {
    return this.write((db) => openAttempt(db, rollout, claim));
  }

  endAttempt(id: AttemptId, nonce: string, end: AttemptEnd): Promise<void> {
    return this.write((db) => endAttempt(db, id, nonce, end));
  }

  closeAttempt(id: AttemptId, close: AttemptClose, end?: AttemptEnd): Promise<void> {
    return this.write((db) => closeAttempt(db, id, close, end));
  }

  addVerification(row: VerificationRow): Promise<VerificationRow> {
    return this.write((db) => addVerification(db, row));
  }

  decideRollout(id: RolloutId, decision: RolloutDecision): Promise<RolloutRow> {
    return this.write((db) => decideRollout(db, id, decision));
  }

  reopenRollout(id: RolloutId): Promise<RolloutRow> {
    return this.write((db) => reopenRollout(db, id));
  }

  openCall(call: OpenCall): Promise<{ readonly row: CallRow; readonly created: boolean }> {
    return this.write((db) => openCall(db, call));
  }

  finishCall(callId: string, finish: CallFinish): Promise<void> {
    return this.write((db) => finishCall(db, callId, finish));
  }

  beginObject(row: NewObject): Promise<ObjectRow> {
    return this.write((db) => beginObject(db, row));
  }

  endObject(kind: string, name: string, end: ObjectEnd): Promise<ObjectRow> {
    return this.write((db) => endObject(db, kind, name, end));
  }

  planSynthesis(job: SynthesisJobRow): Promise<void> {
    return this.write((db) => planSynthesis(db, job));
  }

  addSynthesisRecord(row: SynthesisRecordRow): Promise<void> {
    return this.write((db) => addSynthesisRecord(db, row));
  }

  saveSynthesisRecord(row: SynthesisRecordRow): Promise<void> {
    return this.write((db) => saveSynthesisRecord(db, row));
  }

  addSynthesisCall(row: SynthesisCallRow): Promise<SynthesisCallRow> {
    return this.write((db) => addSynthesisCall(db, row));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    await this.#commits.idle();
    await super[Symbol.asyncDispose]();
    this.#lock[Symbol.dispose]();
  }

  protected write<T>(operation: (db: Connection) => T): Promise<T> {
    if (this.#closing) {
      return Promise.reject(new ClawError('StoreUnavailable', 'the record store is closed'));
    }
    return this.#commits.write(() => operation(this.connection));
  }
}
