import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { WorkQueueMetrics } from '../queue/work-queue-metrics.ts';

/**
 * How a run of a reconcile ended. `success`, `requeue_after` and `error` are controller-runtime's
 * values; `conflict` (somebody else wrote first), `terminal` and `stale` (not run, since the cache
 * lacks an own write) are ours.
 */
export type ReconcileResultLabel =
  | 'success'
  | 'requeue_after'
  | 'error'
  | 'conflict'
  | 'terminal'
  | 'stale';

/** controller-runtime's, in seconds. */
const BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
  1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

/**
 * Metrics of all controllers of a process under controller-runtime's names, and those of their
 * queues. One instance for each registry.
 */
export class ControllerMetrics {
  readonly queues: WorkQueueMetrics;
  readonly #results: Counter<'controller' | 'result'>;
  readonly #errors: Counter<'controller'>;
  readonly #terminal: Counter<'controller'>;
  readonly #timeouts: Counter<'controller'>;
  readonly #seconds: Histogram<'controller'>;
  readonly #limit: Gauge<'controller'>;
  readonly #active: Gauge<'controller'>;

  constructor(registry: Registry) {
    this.queues = new WorkQueueMetrics(registry);
    const registers = [registry];
    const counter = (name: string, help: string): Counter<'controller'> =>
      new Counter({ name, help, registers, labelNames: ['controller'] });
    const gauge = (name: string, help: string): Gauge<'controller'> =>
      new Gauge({ name, help, registers, labelNames: ['controller'] });
    this.#results = new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciles by how they ended.',
      registers,
      labelNames: ['controller', 'result'],
    });
    this.#errors = counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed.');
    this.#terminal = counter(
      'controller_runtime_terminal_reconcile_errors_total',
      'Reconciles that failed and are not retried until their object changes.',
    );
    this.#timeouts = counter(
      'controller_runtime_reconcile_timeouts_total',
      'Reconciles that ran longer than their limit.',
    );
    this.#seconds = new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'Seconds of one reconcile.',
      buckets: BUCKETS,
      registers,
      labelNames: ['controller'],
    });
    this.#limit = gauge('controller_runtime_max_concurrent_reconciles', 'Workers.');
    this.#active = gauge('controller_runtime_active_workers', 'Workers that reconcile now.');
  }

  started(controller: string, workers: number): void {
    this.#limit.set({ controller }, workers);
    for (const result of ['success', 'requeue_after', 'error'] as const)
      this.#results.inc({ controller, result }, 0);
  }

  active(controller: string, change: 1 | -1): void {
    this.#active.inc({ controller }, change);
  }

  timedOut(controller: string): void {
    this.#timeouts.inc({ controller });
  }

  ended(controller: string, result: ReconcileResultLabel, ms: number): void {
    this.#results.inc({ controller, result });
    if (result === 'stale') return;
    this.#seconds.observe({ controller }, ms / 1000);
    if (result === 'error' || result === 'terminal') this.#errors.inc({ controller });
    if (result === 'terminal') this.#terminal.inc({ controller });
  }
}
