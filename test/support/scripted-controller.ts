import { setImmediate } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { silentLogger } from '../../operator/kube/base/logger.ts';
import { Controller, type ControllerOptions } from '../../operator/kube/controller/controller.ts';
import { ControllerMetrics } from '../../operator/kube/controller/controller-metrics.ts';
import type { Source } from '../../operator/kube/controller/controller-sources.ts';
import type {
  ReconcileContext,
  ReconcileResult,
} from '../../operator/kube/controller/reconcile.ts';
import { keyText, type ObjectKey } from '../../operator/kube/objects/object-key.ts';
import { ManualClock } from './manual-clock.ts';

export type Work = (key: ObjectKey, context: ReconcileContext) => Promise<ReconcileResult>;

/** A controller whose clock the test moves and whose source it feeds. */
export function scriptedController(work: Work, options: Partial<ControllerOptions> = {}) {
  const clock = new ManualClock();
  const registry = new Registry();
  const runs: string[] = [];
  let enqueue: ((key: ObjectKey) => void) | undefined;
  const source: Source = {
    name: 'echoes',
    whenSynced: async () => undefined,
    start: (tell) => {
      enqueue = tell;
      return () => {
        enqueue = undefined;
      };
    },
  };
  const controller = new Controller({
    name: 'echo',
    reconcile: async (key, context) => {
      runs.push(keyText(key));
      return work(key, context);
    },
    sources: [source],
    clock,
    logger: silentLogger,
    metrics: new ControllerMetrics(registry),
    ...options,
  });
  const stop = new AbortController();
  const losing = new AbortController();
  const running = controller.run(stop.signal, losing.signal);
  const pass = async (ms = 0): Promise<void> => {
    clock.advance(ms);
    for (let turn = 0; turn < 3; turn += 1) await setImmediate();
  };
  const tell = async (...names: string[]): Promise<void> => {
    await pass();
    for (const name of names) enqueue?.({ namespace: 'ns', name });
    await pass();
  };
  const end = async (reason?: unknown): Promise<void> => {
    stop.abort(reason);
    await pass();
    await running;
  };
  const metric = async (name: string): Promise<string | undefined> =>
    (await registry.metrics())
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1);
  return { clock, controller, runs, running, stop, losing, pass, tell, end, metric };
}

/** Rejects when the run is aborted, with the reason. */
export const untilAborted = async ({ signal }: ReconcileContext): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
/** The name of the metric that counts runs by how they ended. */
export const total = (result: string) =>
  `controller_runtime_reconcile_total{controller="echo",result="${result}"}`;
