import type { BatchId } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { errorMessage } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import type { ArtifactSweeper } from './artifact-sweeper.ts';
import type { NamedObjects } from './named-objects.ts';

/** Rows of objects that are no batches. */
export interface AbsentRows {
  /** Removes at most about so many rows of those that are gone for long; how many went. */
  remove(most: number, signal: AbortSignal): Promise<number>;
}

export interface RetentionOptions {
  readonly store: Pick<ClusterStore, 'absences' | 'openBatches' | 'removeRows'>;
  readonly objects: Pick<NamedObjects, 'digests' | 'lackedAt' | 'whole'>;
  readonly sweeper: ArtifactSweeper;
  readonly others: readonly AbsentRows[];
  /** From here on nobody decides anything about the batch. */
  readonly forget: (batch: BatchId) => Promise<void>;
  /** Removes files that were made of artifacts which are gone. */
  readonly tidy: () => Promise<void>;
  readonly days: number;
  readonly observer: RetentionObserver;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Told about each pass, for metrics; must not throw. */
export interface RetentionObserver {
  swept(pass: RetentionPass): void;
}

export interface RetentionPass {
  readonly batches: number;
  readonly rows: number;
  readonly artifacts: number;
  readonly bytes: number;
}

const DAY_MS = 24 * 3_600_000;
const PASS_MS = 10 * 60_000;
/** Rows that one pass removes at most, and those of one transaction. */
const PASS_ROWS = 20_000;
const COMMIT_ROWS = 500;

/**
 * Ends records whose objects are gone for long (design: rollouts.md 9): rows of batches first, then the
 * artifacts that no row and no object names. A bounded piece a pass, and none while the operator has
 * not told of late what its objects name.
 */
export class Retention {
  readonly #options: RetentionOptions;
  #lastWhole: number;
  /** Rows went since the last walk over the artifacts began. */
  #garbage = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#lastWhole = options.clock.monotonic();
  }

  /** Passes until the signal aborts; one that fails is told and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(PASS_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.pass(signal);
      } catch (thrown) {
        if (!signal.aborted) logger.warn({ error: errorMessage(thrown) }, 'the sweep failed');
      }
    }
  }

  /** Undefined where nothing may be removed, or nothing is to be. */
  async pass(signal: AbortSignal): Promise<RetentionPass | undefined> {
    const { objects, observer, logger } = this.#options;
    const pinned = objects.digests;
    if (pinned === undefined) return undefined;
    const { batches, rows: ofBatches } = await this.#removeBatches(signal);
    let rows = ofBatches;
    for (const each of this.#options.others) {
      if (rows < PASS_ROWS) rows += await each.remove(PASS_ROWS - rows, signal);
    }
    if (rows > 0) this.#garbage = true;
    const due = objects.whole && this.#sweepIsDue();
    const swept = due ? await this.#sweep(pinned, signal) : undefined;
    if (rows === 0 && swept === undefined) return undefined;
    const { removed: artifacts = 0, bytes = 0 } = swept ?? {};
    const pass = { batches, rows, artifacts, bytes };
    observer.swept(pass);
    logger.info({ ...pass, whole: swept?.whole ?? false }, 'records were swept');
    return pass;
  }

  async #removeBatches(signal: AbortSignal): Promise<{ batches: number; rows: number }> {
    const { store, forget, logger } = this.#options;
    let [batches, rows] = [0, 0];
    for (const [batch, since] of await this.#dueBatches()) {
      if (!this.#isDue(batch, since)) continue;
      await forget(batch);
      for (let gone = false; !gone; ) {
        if (rows >= PASS_ROWS) return { batches, rows };
        signal.throwIfAborted();
        const some = await store.removeRows(batch, COMMIT_ROWS);
        gone = some.gone;
        rows += some.removed;
      }
      batches += 1;
      logger.info({ batch, absentSince: new Date(since).toISOString() }, 'a batch was removed');
    }
    return { batches, rows };
  }

  /** Whatever the clock says: no batch that still has work, as one whose list came too late. */
  async #dueBatches(): Promise<readonly (readonly [BatchId, number])[]> {
    const { store, logger } = this.#options;
    const due = [...(await store.absences())].filter(([batch, since]) => this.#isDue(batch, since));
    if (due.length === 0) return [];
    const open = new Set((await store.openBatches()).map(({ id }) => id));
    const kept = due.flatMap(([batch]) => (open.has(batch) ? [batch] : []));
    if (kept.length > 0) {
      const text = 'no object names these batches, but they have undecided rollouts: they stay';
      logger.warn({ batches: kept.length, first: kept.slice(0, 10) }, text);
    }
    return due.filter(([batch]) => !open.has(batch));
  }

  /** A wall clock may jump: a list that was told after the days of retention must lack the batch too. */
  #isDue(batch: BatchId, since: number): boolean {
    const { objects, clock, days } = this.#options;
    const due = since + days * DAY_MS;
    const lackedAt = objects.lackedAt(batch);
    return clock.now() >= due && lackedAt !== undefined && lackedAt >= due;
  }

  /** Once rows have gone, and daily for what never got a row. */
  #sweepIsDue(): boolean {
    const { sweeper, clock } = this.#options;
    const waited = clock.monotonic() - this.#lastWhole;
    return sweeper.walking || this.#garbage || waited >= DAY_MS;
  }

  async #sweep(pinned: Parameters<ArtifactSweeper['pass']>[0], signal: AbortSignal) {
    const { sweeper, clock, tidy } = this.#options;
    if (!sweeper.walking) this.#garbage = false;
    const swept = await sweeper.pass(pinned, signal);
    if (swept.whole) {
      this.#lastWhole = clock.monotonic();
      await tidy();
    }
    return swept;
  }
}
