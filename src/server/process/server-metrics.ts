import { Counter, collectDefaultMetrics, Registry } from 'prom-client';
import type { CoordinatorObserver } from '../coordinator/rollout-keeper.ts';

export interface ServerMetrics {
  readonly registry: Registry;
  readonly observer: CoordinatorObserver;
}

/** Metrics of one server process: what became of attempts and rollouts, and of the process itself. */
export function serverMetrics(): ServerMetrics {
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
  return {
    registry,
    observer: {
      attemptClosed: (kind, reason) => attempts.inc({ class: kind, reason }),
      rolloutDecided: ({ outcome }) => rollouts.inc({ outcome }),
    },
  };
}
