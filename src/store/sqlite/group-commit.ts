import { z } from 'zod';
import { ClawError, errorMessage } from '../../base/error.ts';
import type { Connection } from './connection.ts';

interface Waiting {
  /** Runs the operation inside the open transaction; returns how to settle its promise. */
  readonly run: () => { readonly settle: () => void };
  readonly fail: (reason: unknown) => void;
}

/** Most operations of one commit; bounds the time that the event loop is held. */
const MAX_GROUP = 256;

/**
 * Runs write operations in order and commits those that wait together with one fsync. Each is a
 * savepoint of its own: where one throws, only its own writes are undone. A promise settles after
 * the commit, so what a method returned is durable.
 */
export class GroupCommit {
  readonly #connection: Connection;
  readonly #queue: Waiting[] = [];
  #scheduled: Promise<void> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  write<T>(operation: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({
        run: () => {
          const value = operation();
          return { settle: () => resolve(value) };
        },
        fail: reject,
      });
      this.#scheduled ??= new Promise<void>((done) => {
        setImmediate(() => {
          this.#scheduled = undefined;
          this.#drain();
          done();
        });
      });
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#scheduled !== undefined) await this.#scheduled;
  }

  #drain(): void {
    while (this.#queue.length > 0) this.#commitGroup(this.#queue.splice(0, MAX_GROUP));
  }

  #commitGroup(group: readonly Waiting[]): void {
    const settle: (() => void)[] = [];
    try {
      this.#connection.exec('BEGIN IMMEDIATE');
      for (const waiting of group) settle.push(this.#runOne(waiting));
      this.#connection.exec('COMMIT');
    } catch (cause) {
      if (this.#connection.isOpen && this.#connection.inTransaction)
        this.#connection.exec('ROLLBACK');
      const error = storeError(cause);
      for (const waiting of group) waiting.fail(error);
      return;
    }
    for (const done of settle) done();
  }

  #runOne(waiting: Waiting): () => void {
    this.#connection.exec('SAVEPOINT operation');
    try {
      const { settle } = waiting.run();
      this.#connection.exec('RELEASE operation');
      return settle;
    } catch (reason) {
      // SQLite ends the whole transaction by itself on a full disk or an I/O error
      if (!this.#connection.inTransaction) throw reason;
      this.#connection.exec('ROLLBACK TO operation; RELEASE operation');
      return () => waiting.fail(storeError(reason));
    }
  }
}

const SQLITE_CONSTRAINT = 19;
const zSqliteError = z.object({ code: z.literal('ERR_SQLITE_ERROR'), errcode: z.int() });

/** Anything that a write raised, as the product's error. */
function storeError(thrown: unknown): unknown {
  if (thrown instanceof ClawError) return thrown;
  const sqlite = zSqliteError.safeParse(thrown);
  // the low byte is the primary code
  if (sqlite.success && (sqlite.data.errcode & 0xff) === SQLITE_CONSTRAINT) {
    return new ClawError('Conflict', `the record store refused a row: ${errorMessage(thrown)}`, {
      cause: thrown,
    });
  }
  return new ClawError(
    'StoreUnavailable',
    `the record store could not write: ${errorMessage(thrown)}; nothing of this step was kept`,
    { cause: thrown, retryable: true },
  );
}
