import { asBatchId } from '../../../src/base/brand.ts';
import { cliEnvironment } from '../../../src/cli/environment.ts';
import { openRecordSource } from '../../../src/cli/record-source.ts';
import type { RolloutRow } from '../../../src/store/records.ts';
import type { Installation } from '../../../test/support/installation.ts';

/** What the store says of a batch: its decisions, and when they came about. */
export interface BatchRecords {
  readonly rollouts: readonly RolloutRow[];
  readonly attempts: number;
  /** Of these attempts, so many left a workspace. */
  readonly kept: number;
  /** Mean seconds a rollout. */
  readonly spans: ReadonlyMap<string, number>;
}

export async function readRecords(
  { cluster, namespace }: Installation,
  uid: string,
): Promise<BatchRecords> {
  const flags = { namespace, kubeconfig: cluster.kubeconfigPath };
  const { signal } = new AbortController();
  await using source = await openRecordSource(flags, cliEnvironment(), signal);
  const rollouts = await source.store.listRollouts(asBatchId(uid));
  const attempts = (
    await Promise.all(rollouts.map(({ id }) => source.store.listAttempts(id)))
  ).flat();
  const decided = new Map(rollouts.map(({ id, decision }) => [id, decision?.decidedAt]));
  const spans = new Map<string, number>();
  const mean = (name: string, values: readonly (number | undefined)[]): void => {
    const known = values.filter((value) => value !== undefined && !Number.isNaN(value));
    const sum = known.reduce((total: number, value) => total + (value ?? 0), 0);
    spans.set(`store: ${name}`, sum / Math.max(1, known.length) / 1000);
  };
  mean(
    "attempt opened -> agent's end told",
    attempts.map(({ startedAt, end }) => end && end.endedAt - startedAt),
  );
  mean(
    "agent's end told -> decided",
    attempts.map(({ end, rollout }) => end && (decided.get(rollout) ?? Number.NaN) - end.endedAt),
  );
  const kept = attempts.filter(({ end }) => end?.snapshot !== undefined).length;
  return { rollouts, attempts: attempts.length, kept, spans };
}
