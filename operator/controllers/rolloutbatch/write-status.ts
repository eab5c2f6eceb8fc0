import type { WriteOptions } from '../../kube/client/resource-client.ts';
import type { BatchStatus } from '../shared/kinds.ts';
import type { Findings } from './findings.ts';
import { notesOfChange } from './notes.ts';
import type { BatchParts } from './parts.ts';
import { batchStatus } from './status.ts';

/**
 * Writes the status where it says something else, with the events of the change; numbers alone less
 * often, since every write counts (design: rollouts.md 4). `waitMs`: not written yet, come back then.
 */
export async function writeStatus(
  parts: BatchParts,
  findings: Findings,
  call: WriteOptions,
): Promise<{ readonly waitMs: number | undefined }> {
  const { batch, uid } = findings;
  const before = batch.status;
  const status = batchStatus(findings.statusInput(parts.clock.now()));
  if (sameWords(before, status)) {
    const waitMs = parts.statusPace.waitMs(uid, parts.settings.countsMs);
    if (waitMs > 0) return { waitMs };
  }
  const notes = notesOfChange(batch, before?.conditions, status.conditions);
  const write = await parts.status.write(batch, status, call.signal, notes);
  if (write.kind === 'postponed') return { waitMs: write.waitMs };
  if (write.kind === 'written') {
    parts.statusPace.mark(uid);
    const { metadata, status: written } = write.object;
    findings.batch = { ...batch, metadata, ...(written === undefined ? {} : { status: written }) };
  }
  return { waitMs: undefined };
}

/** The conditions say the same: only counts can differ. */
function sameWords(before: BatchStatus | undefined, after: BatchStatus): boolean {
  if (before?.observedGeneration !== after.observedGeneration) return false;
  const words = (status: BatchStatus | undefined): string =>
    JSON.stringify(
      (status?.conditions ?? []).map(({ type, status: holds, reason, message }) => [
        ...[type, holds, reason, message],
      ]),
    );
  return before?.taskSet === after.taskSet && words(before) === words(after);
}
