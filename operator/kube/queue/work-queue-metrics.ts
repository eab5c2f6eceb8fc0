import { Counter, exponentialBuckets, Gauge, Histogram, type Registry } from 'prom-client';
import type { QueueObserver, Unfinished } from './work-queue.ts';

/** What the gauges read of a queue when they are scraped. */
export interface MeasuredQueue {
  readonly length: number;
  unfinished(): Unfinished;
}

/** 10 ns to 1,000 s, as controller-runtime has them. */
const BUCKETS = exponentialBuckets(10e-9, 10, 12);

/**
 * The queue metrics of client-go, names and labels included, so that known dashboards and alerts
 * fit. One instance for each registry; every queue has its own `name`.
 */
export class WorkQueueMetrics {
  readonly #queues = new Map<string, MeasuredQueue>();
  readonly #adds: Counter<'name'>;
  readonly #retries: Counter<'name'>;
  readonly #latency: Histogram<'name'>;
  readonly #work: Histogram<'name'>;

  constructor(registry: Registry) {
    const common = { registers: [registry], labelNames: ['name'] as const };
    this.#adds = new Counter({
      ...common,
      name: 'workqueue_adds_total',
      help: 'Adds that the work queue took.',
    });
    this.#retries = new Counter({
      ...common,
      name: 'workqueue_retries_total',
      help: 'Retries that the work queue took.',
    });
    this.#latency = new Histogram({
      ...common,
      name: 'workqueue_queue_duration_seconds',
      help: 'Seconds that a key waits in the work queue.',
      buckets: BUCKETS,
    });
    this.#work = new Histogram({
      ...common,
      name: 'workqueue_work_duration_seconds',
      help: 'Seconds of work on one key.',
      buckets: BUCKETS,
    });
    this.#gauge(
      registry,
      'workqueue_depth',
      'Keys that wait for a worker.',
      (queue) => queue.length,
    );
    this.#gauge(
      registry,
      'workqueue_unfinished_work_seconds',
      'Seconds of work in progress, all workers together; a steady rise means stuck workers.',
      (queue) => queue.unfinished().totalMs / 1000,
    );
    this.#gauge(
      registry,
      'workqueue_longest_running_processor_seconds',
      'Seconds that the longest work in progress has taken.',
      (queue) => queue.unfinished().longestMs / 1000,
    );
  }

  /** The observer to give to the queue called `name`. */
  observer(name: string): QueueObserver {
    const adds = this.#adds.labels(name);
    const retries = this.#retries.labels(name);
    const latency = this.#latency.labels(name);
    const work = this.#work.labels(name);
    return {
      added: () => adds.inc(),
      retried: () => retries.inc(),
      taken: (waitedMs) => latency.observe(waitedMs / 1000),
      done: (workedMs) => work.observe(workedMs / 1000),
    };
  }

  /** Lets the gauges read `queue`; a later queue of the same name takes its place. */
  measure(name: string, queue: MeasuredQueue): void {
    this.#queues.set(name, queue);
  }

  #gauge(
    registry: Registry,
    name: string,
    help: string,
    read: (queue: MeasuredQueue) => number,
  ): void {
    const queues = this.#queues;
    new Gauge({
      name,
      help,
      labelNames: ['name'],
      registers: [registry],
      collect() {
        for (const [queueName, queue] of queues) this.labels(queueName).set(read(queue));
      },
    });
  }
}
