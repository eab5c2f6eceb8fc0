import { Readable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { CallRow, RecordStore } from '../store/records.ts';
import { type AnswerSpool, SPOOL_DEFAULTS } from './answer-spool.ts';
import type { CallEnd } from './call-end.ts';

export interface RecordContext {
  readonly records: RecordStore;
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
}

/** Makes an answer durable: its bytes first, then the row that names them. */
export async function recordCall(
  row: CallRow,
  spool: AnswerSpool,
  end: CallEnd,
  context: RecordContext,
): Promise<void> {
  const bytes = Readable.from(spool.contents(), { objectMode: false });
  const { maxBytes } = SPOOL_DEFAULTS;
  const stored = await context.artifacts.putStream(bytes, { maxBytes });
  const { tokens, ...rest } = end;
  const kept = tokens && (await context.artifacts.put(tokens)).digest;
  await context.records.finishCall(row.callId, {
    ...rest,
    ...(kept !== undefined && { tokens: kept }),
    response: stored.digest,
    endedAt: context.clock.now(),
  });
}
