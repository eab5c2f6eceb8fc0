import type { Clock } from '../../base/clock.ts';
import type { LivingBody } from '../../protocol/operator-api.ts';
import type { AbsentRows } from './retention.ts';

/** An object of a cluster that has rows. */
export interface StoredObject {
  readonly uid: string;
  readonly namespace: string;
  /** Since when no object is known of it, in ms since the epoch. */
  readonly absentSince: number | undefined;
  /** Something of it goes on still: its rows stay. */
  readonly open?: boolean;
}

export interface AbsentObjectsOptions {
  /** Uids of the objects that are there; undefined where nothing is said of the kind. */
  readonly told: (body: LivingBody) => readonly string[] | undefined;
  readonly list: () => Promise<readonly StoredObject[]>;
  /** `since` undefined: the object is there. */
  readonly setAbsence: (uid: string, since: number | undefined) => Promise<void>;
  /** Removes at most so many rows, the object's own last. */
  readonly removeRows: (
    uid: string,
    most: number,
  ) => Promise<{ readonly removed: number; readonly gone: boolean }>;
  /** From here on nobody decides anything about it. */
  readonly forget: (uid: string) => void;
  readonly days: number;
  readonly clock: Clock;
}

const DAY_MS = 24 * 3_600_000;
const COMMIT_ROWS = 500;

/**
 * Rows of objects of one kind that are gone for long, by the rule of batches: the days count from the first
 * list that lacked the object, and a list after them must too.
 */
export class AbsentObjects implements AbsentRows {
  readonly #options: AbsentObjectsOptions;
  #lacking: { readonly at: number; readonly uids: ReadonlySet<string> } | undefined;

  constructor(options: AbsentObjectsOptions) {
    this.#options = options;
  }

  /** Notes which are named, and which are not from now on. An operator that tells of none ends none. */
  async seen(body: LivingBody): Promise<void> {
    const { told, list, setAbsence, clock } = this.#options;
    const living = told(body);
    if (living === undefined) return;
    const named = new Set(living);
    const served = body.namespaces && new Set(body.namespaces);
    const lacking = new Set<string>();
    const now = clock.now();
    for (const { uid, namespace, absentSince } of await list()) {
      if (served?.has(namespace) === false) continue;
      if (!named.has(uid)) lacking.add(uid);
      if (named.has(uid) !== (absentSince === undefined))
        await setAbsence(uid, named.has(uid) ? undefined : now);
    }
    this.#lacking = { at: now, uids: lacking };
  }

  async remove(most: number, signal: AbortSignal): Promise<number> {
    const { list, removeRows, forget, days } = this.#options;
    if (this.#lacking === undefined) return 0;
    const { at, uids } = this.#lacking;
    let rows = 0;
    for (const { uid, absentSince, open } of await list()) {
      if (open === true || absentSince === undefined || !uids.has(uid)) continue;
      if (at < absentSince + days * DAY_MS) continue;
      forget(uid);
      for (let gone = false; !gone && rows < most; ) {
        signal.throwIfAborted();
        const some = await removeRows(uid, COMMIT_ROWS);
        gone = some.gone;
        rows += some.removed;
      }
    }
    return rows;
  }
}
