import type { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { StepBoard } from './step-board.ts';
import type { Trained } from './step-notes.ts';

/** Where a trainer's batches come from (docs/reference/rl-tokens.md). */
export interface BatchSource {
  /**
   * The index of the batch after number `after`; `wait` where there is none for now, `done` where none
   * will come. Throws `Conflict` where the trainer's checkpoint does not fit to what it was given.
   */
  next(after: number, gone: AbortSignal): Promise<Uint8Array | 'wait' | 'done'>;
  /** Throws `NotFound` where there is no such batch. */
  tokens(number: number): Promise<{ readonly bytes: number; readonly stream: Readable }>;
  /** The same word again changes nothing; another one about the same batch is `Conflict`. */
  trained(number: number, word: Trained): Promise<void>;
}

export interface BoardSourceOptions {
  readonly board: Pick<StepBoard, 'steps' | 'newest' | 'closed' | 'news' | 'batch'>;
  readonly artifacts: Pick<ArtifactStore, 'read' | 'stream'>;
  readonly clock: Clock;
  /** How long a question is held open where there is no news, in milliseconds; absent: 15 s. */
  readonly pollMs?: number | undefined;
  readonly acknowledge: BatchSource['trained'];
}

const POLL_MS = 15_000;

/** The batches of a run's board. */
export function boardSource(options: BoardSourceOptions): BatchSource {
  const { board, artifacts, acknowledge } = options;
  return {
    next: (after, gone) => nextOf(after, gone, options),
    tokens: async (number) => {
      const tokens = board.batch(number)?.frozen.tokens;
      if (tokens === undefined) throw new ClawError('NotFound', `there is no batch ${number}`);
      return { bytes: tokens.bytes, stream: await artifacts.stream(tokens.sha256) };
    },
    trained: acknowledge,
  };
}

async function nextOf(
  after: number,
  gone: AbortSignal,
  { board, artifacts, clock, pollMs = POLL_MS }: BoardSourceOptions,
): Promise<Uint8Array | 'wait' | 'done'> {
  const until = clock.monotonic() + pollMs;
  for (;;) {
    const due = board.steps.find(({ frozen, trained }) => frozen.number && trained === undefined);
    refuseOtherPlace(after, board.newest, due?.frozen.number);
    if (due?.frozen.index !== undefined) return await artifacts.read(due.frozen.index);
    if (board.closed) return 'done';
    const left = until - clock.monotonic();
    if (left <= 0 || gone.aborted) return 'wait';
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, gone]);
    await Promise.race([board.news, clock.sleep(left, signal).catch(() => undefined)]);
    stop.abort();
  }
}

/** Batches are trained in order, each on the weights that the one before left. */
function refuseOtherPlace(after: number, newest: number, due: number | undefined): void {
  if (after === newest) return;
  if (after === due) {
    // It holds a checkpoint with the batch, and its word about it was lost.
    throw new ClawError(
      'Conflict',
      `batch ${due} is not acknowledged: post /batches/${due}/trained first`,
    );
  }
  throw new ClawError(
    'Conflict',
    `the trainer goes on after batch ${after}, and batch ${newest} is the newest that is trained: its checkpoint is another one than the run's`,
  );
}
