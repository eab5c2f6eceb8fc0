import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { CoordinatorObserver } from '../coordinator/rollout-keeper.ts';
import type { RetentionObserver } from '../retention/retention.ts';

export interface ServerMetrics {
  readonly registry: Registry;
  readonly observer: CoordinatorObserver;
  readonly retention: RetentionObserver;
}

/**
 * Metrics of one server process: what became of attempts and rollouts, what retention removed, how full
 * the store is, and the process itself.
 *
 * @param storeUsed used part of the store's volume, from 0 to 1
 */
export function serverMetrics(storeUsed: () => Promise<number>): ServerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const attempts = new Counter({
    name: 'clawgym_attempts_closed_total',
    help: 'Attempts that were classed, by class and reason.',
    labelNames: ['class', 'reason'] as const,
    registers: [registry],
  });
  const rollouts = new Counter({
    name: 'clawgym_rollouts_decided_total',
    help: 'Rollouts that were decided, by outcome.',
    labelNames: ['outcome'] as const,
    registers: [registry],
  });
  addStoreGauge(registry, storeUsed);
  return {
    registry,
    observer: {
      attemptClosed: (kind, reason) => attempts.inc({ class: kind, reason }),
      rolloutDecided: ({ outcome }) => rollouts.inc({ outcome }),
    },
    retention: retentionMetrics(registry),
  };
}

function addStoreGauge(registry: Registry, storeUsed: () => Promise<number>): void {
  const gauge: Gauge = new Gauge({
    name: 'clawgym_store_used_ratio',
    help: 'Used part of the volume of the store. Alert at 0.85; at 0.95 no attempt begins.',
    registers: [registry],
    collect: async () => gauge.set(await storeUsed().catch(() => Number.NaN)),
  });
}

function retentionMetrics(registry: Registry): RetentionObserver {
  const counter = (name: string, help: string): Counter =>
    new Counter({ name: `clawgym_retention_${name}`, help, registers: [registry] });
  const batches = counter('batches_total', 'Batches whose records were removed.');
  const rows = counter('rows_total', 'Rows that were removed.');
  const artifacts = counter('artifacts_total', 'Artifacts that were removed.');
  const bytes = counter('bytes_total', 'Bytes of the artifacts that were removed.');
  return {
    swept: (pass) => {
      batches.inc(pass.batches);
      rows.inc(pass.rows);
      artifacts.inc(pass.artifacts);
      bytes.inc(pass.bytes);
    },
  };
}
