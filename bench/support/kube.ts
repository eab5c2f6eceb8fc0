import { z } from 'zod';
import { systemClock } from '../../operator/kube/base/clock.ts';
import { silentLogger } from '../../operator/kube/base/logger.ts';
import { createCredentials } from '../../operator/kube/client/credentials.ts';
import { createKubeClient, type KubeClient } from '../../operator/kube/client/typed-client.ts';
import { createTransport } from '../../operator/kube/client/undici-transport.ts';
import { zKubeObject } from '../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../operator/kube/objects/resource.ts';

/** ConfigMaps: the simplest objects of any size. */
export const configMaps = defineResource({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  schema: zKubeObject.extend({ data: z.record(z.string(), z.string()).optional() }),
});

export const namespaces = defineResource({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
  schema: zKubeObject,
});

/** A client of the server that a kubeconfig names. */
export function connect(kubeconfig: string): KubeClient {
  const credentials = createCredentials({
    source: { kind: 'files', paths: [kubeconfig] },
    clock: systemClock,
    logger: silentLogger,
  });
  const transport = createTransport({
    credentials,
    clock: systemClock,
    logger: silentLogger,
    userAgent: 'clawgym-bench',
  });
  return createKubeClient({ transport });
}

/** Runs `work` for each item, at most `parallel` at once. */
export async function forEachParallel<T>(
  items: readonly T[],
  parallel: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

export async function createNamespace(
  client: KubeClient,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  await client.for(namespaces).create({ metadata: { name } }, { signal, fieldManager: 'bench' });
}
