import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { Churn } from './churn.ts';
import { faultyServer, injectFaults } from './faulty-server.ts';
import { connect } from './kube.ts';

/** Runs the proxy and the writers outside of the heap that is measured. */
const zWork = z.object({
  kubeconfig: z.string(),
  namespace: z.string(),
  labels: z.record(z.string(), z.string()),
  objects: z.number(),
  parallel: z.number(),
  pauseMs: z.number(),
  text: z.string(),
});

if (!parentPort) throw new Error('churn-worker.ts is started by a claim script');
const { kubeconfig, ...churned } = zWork.parse(workerData);
await using server = await faultyServer(kubeconfig, 1);
const client = connect(kubeconfig);
await using _transport = client.transport;
injectFaults(server.proxy);
const churn = new Churn({ ...churned, client, signal: new AbortController().signal });
parentPort.postMessage({ kubeconfig: server.kubeconfig });
await once(parentPort, 'message');
await churn.stop();
const { injected, watchEvents } = server.proxy.counts;
const faults = Object.values(injected).reduce((sum, times) => sum + times, 0);
parentPort.postMessage({ writes: churn.writes, watchEvents, faults });
parentPort.close();
