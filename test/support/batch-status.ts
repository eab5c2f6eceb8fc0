import type { StatusInput } from '../../operator/controllers/rolloutbatch/status-input.ts';
import type { BatchStatus, RolloutBatch } from '../../operator/controllers/shared/kinds.ts';
import { rolloutBatch } from '../../src/api/rollout-batch.ts';
import { BATCH, batchState } from './batch-cases.ts';

export const NOW = Date.parse('2026-03-01T12:00:00Z');

/** A batch as the API server hands it out, with the defaults filled in. */
export function statusBatch(spec: object = {}, status?: BatchStatus): RolloutBatch {
  const { apiVersion } = rolloutBatch;
  const metadata = { ...BATCH, namespace: 'runs', generation: 3 };
  const full = { tasks: { digest: 'a'.repeat(64) }, agent: { name: 'nop' }, ...spec };
  const object = { apiVersion, kind: 'RolloutBatch', metadata, spec: full };
  return { ...rolloutBatch.schema.parse(object), status } as RolloutBatch;
}

/** What a status is drawn from: planned, nothing started, nothing in the way. */
export const statusInput = (more: Partial<StatusInput> = {}): StatusInput => ({
  batch: statusBatch(),
  mode: 'run',
  state: batchState(),
  hindrance: undefined,
  jobs: [],
  pods: [],
  storeFull: false,
  storeFilling: false,
  forbidden: undefined,
  sourceGone: undefined,
  prepared: true,
  network: undefined,
  now: NOW,
  ...more,
});
