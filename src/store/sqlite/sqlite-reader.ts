import type { AttemptId, BatchId, RolloutId } from '../../base/brand.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import type { BatchNote } from '../cluster-records.ts';
import type { ObjectReader, ObjectRow } from '../object-records.ts';
import type { RecordReader } from '../record-reader.ts';
import type {
  AttemptPod,
  AttemptRow,
  BatchRow,
  CallRow,
  OutcomeCounts,
  RolloutRow,
  VerificationRow,
} from '../records.ts';
import type {
  SynthesisCallRow,
  SynthesisJobRow,
  SynthesisLists,
  SynthesisReader,
  SynthesisRecordRow,
} from '../synthesis-records.ts';
import { listPods } from './attempt-pods.ts';
import { getAttempt, listAttempts } from './attempts.ts';
import { batchNotes } from './batch-notes.ts';
import { getBatch, listBatches } from './batches.ts';
import { getCall, listCalls } from './calls.ts';
import type { Connection } from './connection.ts';
import { getObject, listObjects } from './objects.ts';
import { countOutcomes, getRollout, listRollouts } from './rollouts.ts';
import {
  getSynthesis,
  getSynthesisCall,
  listRecordCalls,
  listSyntheses,
  listSynthesisCalls,
  listSynthesisRecords,
} from './synthesis.ts';
import { getSynthesisRecord, pageSynthesisRecords } from './synthesis-runs.ts';
import { listVerifications } from './verifications.ts';

/** Reads committed rows; the methods are those of `RecordStore`. */
export class SqliteReader implements RecordReader, ObjectReader, SynthesisReader, SynthesisLists {
  protected readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  getBatch(id: BatchId): Promise<BatchRow | undefined> {
    return this.read((db) => getBatch(db, id));
  }

  listBatches(): Promise<readonly BatchRow[]> {
    return this.read(listBatches);
  }

  batchNotes(batch: BatchId): Promise<Readonly<Partial<Record<BatchNote, string>>>> {
    return this.read((db) => batchNotes(db, batch));
  }

  getRollout(id: RolloutId): Promise<RolloutRow | undefined> {
    return this.read((db) => getRollout(db, id));
  }

  listRollouts(
    batch: BatchId,
    options: { readonly undecided?: boolean } = {},
  ): Promise<readonly RolloutRow[]> {
    return this.read((db) => listRollouts(db, batch, options.undecided ?? false));
  }

  countOutcomes(batch: BatchId): Promise<OutcomeCounts> {
    return this.read((db) => countOutcomes(db, batch));
  }

  getAttempt(id: AttemptId): Promise<AttemptRow | undefined> {
    return this.read((db) => getAttempt(db, id));
  }

  listAttempts(rollout: RolloutId): Promise<readonly AttemptRow[]> {
    return this.read((db) => listAttempts(db, rollout));
  }

  listVerifications(attempt: AttemptId): Promise<readonly VerificationRow[]> {
    return this.read((db) => listVerifications(db, attempt));
  }

  listPods(attempt: AttemptId): Promise<readonly AttemptPod[]> {
    return this.read((db) => listPods(db, attempt));
  }

  getCall(callId: string): Promise<CallRow | undefined> {
    return this.read((db) => getCall(db, callId));
  }

  listCalls(attempt: AttemptId): Promise<readonly CallRow[]> {
    return this.read((db) => listCalls(db, attempt));
  }

  getObject(kind: string, name: string): Promise<ObjectRow | undefined> {
    return this.read((db) => getObject(db, kind, name));
  }

  listObjects(kind: string): Promise<readonly ObjectRow[]> {
    return this.read((db) => listObjects(db, kind));
  }

  getSynthesis(job: string): Promise<SynthesisJobRow | undefined> {
    return this.read((db) => getSynthesis(db, job));
  }

  listSynthesisRecords(job: string): Promise<readonly SynthesisRecordRow[]> {
    return this.read((db) => listSynthesisRecords(db, job));
  }

  getSynthesisCall(callId: string): Promise<SynthesisCallRow | undefined> {
    return this.read((db) => getSynthesisCall(db, callId));
  }

  listSynthesisCalls(job: string): Promise<readonly SynthesisCallRow[]> {
    return this.read((db) => listSynthesisCalls(db, job));
  }

  listSyntheses(): Promise<readonly SynthesisJobRow[]> {
    return this.read(listSyntheses);
  }

  getSynthesisRecord(job: string, number: number): Promise<SynthesisRecordRow | undefined> {
    return this.read((db) => getSynthesisRecord(db, job, number));
  }

  pageSynthesisRecords(
    job: string,
    after: number,
    most: number,
  ): Promise<readonly SynthesisRecordRow[]> {
    return this.read((db) => pageSynthesisRecords(db, job, after, most));
  }

  listRecordCalls(job: string, number: number): Promise<readonly SynthesisCallRow[]> {
    return this.read((db) => listRecordCalls(db, job, number));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve().then(() => {
      if (this.connection.isOpen) this.connection.close();
    });
  }

  protected read<T>(query: (db: Connection) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      try {
        resolve(query(this.connection));
      } catch (cause) {
        reject(
          cause instanceof ClawError
            ? cause
            : new ClawError(
                'StoreUnavailable',
                `the record store could not be read: ${errorMessage(cause)}`,
                { cause },
              ),
        );
      }
    });
  }
}
