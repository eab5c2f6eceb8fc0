import { Registry } from 'prom-client';
import { expect, onTestFinished } from 'vitest';
import { z } from 'zod';
import { type Clock, systemClock } from '../../operator/kube/base/clock.ts';
import { silentLogger } from '../../operator/kube/base/logger.ts';
import { createCredentials } from '../../operator/kube/client/credentials.ts';
import type { KubeConfigSource } from '../../operator/kube/client/load-kube-config.ts';
import { createRequestMetrics } from '../../operator/kube/client/request-metrics.ts';
import { createKubeClient } from '../../operator/kube/client/typed-client.ts';
import { createTransport } from '../../operator/kube/client/undici-transport.ts';
import { zKubeObject } from '../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../operator/kube/objects/resource.ts';
import { layerCluster } from './layer-cluster.ts';

const core = { group: '', version: 'v1', namespaced: true } as const;

export const configMaps = defineResource({
  ...core,
  kind: 'ConfigMap',
  plural: 'configmaps',
  schema: zKubeObject.extend({ data: z.record(z.string(), z.string()).optional() }),
});

export const namespaces = defineResource({
  ...core,
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
  schema: zKubeObject,
});

export const pods = defineResource({
  ...core,
  kind: 'Pod',
  plural: 'pods',
  schema: zKubeObject.extend({
    spec: z.looseObject({ priority: z.number().optional() }),
    status: z.looseObject({ message: z.string().optional(), phase: z.string().optional() }),
  }),
});

const definitions = defineResource({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
  schema: zKubeObject.extend({
    spec: z.looseObject({}),
  }),
});

export const serviceAccounts = defineResource({
  ...core,
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  schema: zKubeObject,
});

export const secrets = defineResource({
  ...core,
  kind: 'Secret',
  plural: 'secrets',
  schema: zKubeObject,
});

/** A client of the layer's API server that ends with the test or, in a hook, by its owner. */
export function layerClient(
  more: { readonly source?: KubeConfigSource; readonly clock?: Clock } = {},
) {
  const { source = { kind: 'files', paths: [layerCluster().kubeconfigPath] } } = more;
  const { clock = systemClock } = more;
  const registry = new Registry();
  const metrics = createRequestMetrics(registry);
  const credentials = createCredentials({ source, clock, logger: silentLogger });
  const transport = createTransport({
    credentials,
    clock,
    logger: silentLogger,
    userAgent: 'clawgym-tests/1',
    metrics,
  });
  const client = createKubeClient({ transport, metrics });
  return {
    client,
    transport,
    registry,
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}

/** A namespace of the test's own, deleted after it. */
export async function ownNamespace(
  client: ReturnType<typeof layerClient>['client'],
  prefix: string,
): Promise<string> {
  const { signal } = new AbortController();
  const name = `${prefix}-${crypto.randomUUID().slice(0, 8)}`;
  await client.for(namespaces).create({ metadata: { name } }, { signal, fieldManager: 'tests' });
  onTestFinished(() => client.for(namespaces).delete({ name }, { signal }));
  return name;
}

/** A kind that this test alone has, new to the server: it serves it, but has no history of it. */
export async function ownKind(client: ReturnType<typeof layerClient>['client']) {
  const { signal } = new AbortController();
  const suffix = crypto.randomUUID().slice(0, 8);
  const [group, version, kind, plural] = [`k${suffix}.example.com`, 'v1', 'Thing', 'things'];
  const name = `${plural}.${group}`;
  const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const spec = {
    group,
    scope: 'Namespaced',
    names: { kind, plural },
    versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: schema } }],
  };
  const call = { signal, fieldManager: 'tests' };
  await client.for(definitions).create({ metadata: { name }, spec }, call);
  onTestFinished(() => client.for(definitions).delete({ name }, { signal }));
  const served = defineResource({
    ...{ group, version, kind, plural, namespaced: true },
    schema: zKubeObject,
  });
  await expect
    .poll(() => client.for(served).list({}, { signal }), { timeout: 30_000 })
    .toMatchObject({ items: [] });
  return served;
}
