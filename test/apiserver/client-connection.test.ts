import diagnostics from 'node:diagnostics_channel';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../operator/kube/base/clock.ts';
import { apiVersionOf } from '../../operator/kube/objects/resource.ts';
import { collected } from '../support/collected.ts';
import {
  configMaps,
  layerClient,
  namespaces,
  ownNamespace,
  secrets,
  serviceAccounts,
} from '../support/layer-client.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { tempDir } from '../support/temp-dir.ts';

const { signal } = new AbortController();
const call = { signal, fieldManager: 'tests' };

async function setUp() {
  const connected = layerClient();
  onTestFinished(() => connected[Symbol.asyncDispose]());
  const namespace = await ownNamespace(connected.client, 'client-connection');
  return { ...connected, namespace, maps: connected.client.for(configMaps) };
}

describe('connections', () => {
  it('are one for 500 requests, at once and one after the other', async () => {
    const { maps, namespace } = await setUp();
    const other = layerClient();
    onTestFinished(() => other[Symbol.asyncDispose]());
    let opened = 0;
    const count = () => (opened += 1);
    diagnostics.subscribe('undici:client:connected', count);
    onTestFinished(() => void diagnostics.unsubscribe('undici:client:connected', count));
    await maps.create({ metadata: { name: 'a', namespace } }, call);
    const get = () => other.client.for(configMaps).get({ namespace, name: 'a' }, { signal });
    await Promise.all(Array.from({ length: 400 }, get));
    for (let i = 0; i < 100; i += 1) await get();
    expect(opened).toBe(1);
    const metrics = await other.registry.metrics();
    expect(metrics).toContain(
      'rest_client_requests_total{verb="get",resource="configmaps",code="200"} 500',
    );
    expect(metrics).toContain('rest_client_connections_total 1');
  });

  it('carry writes while 120 watches are open', async () => {
    const { maps, namespace, registry } = await setUp();
    const abort = new AbortController();
    const { resourceVersion } = await maps.list({ namespace }, { signal });
    const watches = Array.from({ length: 120 }, async () => {
      const options = { signal: abort.signal, resourceVersion, serverTimeoutSeconds: 60 };
      for await (const event of maps.watch({ namespace }, options))
        if (event.type === 'ADDED' && event.object.metadata.name === 'told') return;
      throw new Error('the watch ended too early');
    });
    await maps.create({ metadata: { name: 'told', namespace } }, call);
    await Promise.all(watches);
    abort.abort();
    const metrics = await registry.metrics();
    expect(metrics).toContain('rest_client_in_flight{kind="stream"} 0');
    expect(metrics).toMatch(/rest_client_connections_total [23]\n/);
  });
});

describe('an abort', () => {
  it('ends every call, before and while it is under way', async () => {
    const { maps, namespace } = await setUp();
    const key = { namespace, name: 'a' };
    const metadata = key;
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
    const calls = {
      get: (signal) => maps.get(key, { signal }),
      list: (signal) => maps.list({ namespace }, { signal }),
      pages: (signal) => collected(maps.pages({ namespace }, { signal })),
      create: (signal) => maps.create({ metadata }, { ...call, signal }),
      replace: (signal) => maps.replace(object, { ...call, signal }),
      apply: (signal) => maps.apply({ metadata }, { ...call, signal }),
      applyStatus: (signal) => maps.applyStatus({ metadata }, { ...call, signal }),
      patch: (signal) => maps.patch(key, { type: 'merge', body: {} }, { ...call, signal }),
      delete: (signal) => maps.delete(key, { signal }),
      watch: (signal) =>
        collected(
          maps.watch({ namespace }, { signal, resourceVersion: '0', serverTimeoutSeconds: 60 }),
        ),
    } satisfies Record<string, (signal: AbortSignal) => Promise<unknown>>;
    for (const [name, start] of Object.entries(calls)) {
      const early = start(AbortSignal.abort());
      await expect(early, `${name} before`).rejects.toMatchObject({ code: 'Aborted' });
      const abort = new AbortController();
      const late = start(abort.signal);
      queueMicrotask(() => abort.abort());
      await expect(late, `${name} under way`).rejects.toMatchObject({ code: 'Aborted' });
    }
    await expect(maps.get(key, { signal })).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('ends an open watch quietly', async () => {
    const { maps, namespace } = await setUp();
    const abort = new AbortController();
    await maps.create({ metadata: { name: 'a', namespace } }, call);
    const options = { signal: abort.signal, resourceVersion: '0', serverTimeoutSeconds: 60 };
    let events = 0;
    for await (const _event of maps.watch({ namespace }, options)) {
      events += 1;
      abort.abort();
    }
    expect(events).toBe(1);
  });
});

const zTokenAnswer = z.looseObject({ status: z.looseObject({ token: z.string() }) });
const zReview = z.looseObject({
  status: z.looseObject({ userInfo: z.looseObject({ username: z.string() }) }),
});
const zLayerConfig = z.looseObject({
  clusters: z.array(
    z.looseObject({ name: z.string(), cluster: z.looseObject({ server: z.string() }) }),
  ),
});

/** A kubeconfig whose only credential is the file `token` beside it, as a pod has it. */
async function tokenKubeconfig(folder: string): Promise<string> {
  const original = layerCluster().kubeconfigPath;
  const [entry] = zLayerConfig.parse(load(await readFile(original, 'utf8'))).clusters;
  const authority = entry?.cluster['certificate-authority'];
  const cluster =
    typeof authority !== 'string' || isAbsolute(authority)
      ? entry?.cluster
      : { ...entry?.cluster, 'certificate-authority': join(dirname(original), authority) };
  const path = join(folder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    clusters: [{ name: 'layer', cluster }],
    users: [{ name: 'account', user: { tokenFile: 'token' } }],
    contexts: [{ name: 'here', context: { cluster: 'layer', user: 'account' } }],
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

describe('a service account', () => {
  async function setUpAccounts() {
    const admin = await setUp();
    const { client, namespace, transport } = admin;
    const dir = await tempDir();
    onTestFinished(() => dir[Symbol.asyncDispose]());
    /** A token of the account that dies with a Secret of the same name. */
    const tokenOf = async (name: string): Promise<string> => {
      const metadata = { name, namespace };
      await client.for(serviceAccounts).create({ metadata }, call);
      const secret = await client.for(secrets).create({ metadata }, call);
      const answer = await transport.request({
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: {
            expirationSeconds: 600,
            boundObjectRef: {
              apiVersion: apiVersionOf(secrets),
              kind: secrets.kind,
              name,
              uid: secret.metadata.uid,
            },
          },
        },
        verb: 'create',
        resource: 'serviceaccounts/token',
        signal,
      });
      return zTokenAnswer.parse(answer).status.token;
    };
    const putToken = (token: string) => writeFile(join(dir.path, 'token'), `${token}\n`);
    const source = { kind: 'files', paths: [await tokenKubeconfig(dir.path)] } as const;
    return { ...admin, tokenOf, putToken, source };
  }

  async function whoAmI(transport: ReturnType<typeof layerClient>['transport']): Promise<string> {
    const answer = await transport.request({
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
      verb: 'create',
      resource: 'selfsubjectreviews',
      signal,
    });
    return zReview.parse(answer).status.userInfo.username.split(':').at(-1) ?? '';
  }

  it('uses a replaced token file within a minute, while calls go on', async () => {
    const { tokenOf, putToken, source } = await setUpAccounts();
    let shiftMs = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + shiftMs };
    await putToken(await tokenOf('first'));
    const account = layerClient({ source, clock });
    onTestFinished(() => account[Symbol.asyncDispose]());
    expect(await whoAmI(account.transport)).toBe('first');
    await putToken(await tokenOf('second'));
    expect(await whoAmI(account.transport)).toBe('first');
    const under = Array.from({ length: 50 }, () => whoAmI(account.transport));
    shiftMs = 60_000;
    expect(await whoAmI(account.transport)).toBe('second');
    expect(new Set(await Promise.all(under)).size).toBeLessThanOrEqual(2);
    expect(await account.registry.metrics()).not.toContain('code="401"');
  });

  it('whose token is revoked reads the file again, and no call fails', async () => {
    const { client, namespace, registry, tokenOf, putToken, source } = await setUpAccounts();
    const old = await tokenOf('first');
    await putToken(old);
    const account = layerClient({ source });
    onTestFinished(() => account[Symbol.asyncDispose]());
    expect(await whoAmI(account.transport)).toBe('first');
    await putToken(await tokenOf('second'));
    await client.for(secrets).delete({ namespace, name: 'first' }, { signal });
    // The server remembers a good token for some seconds.
    await expect
      .poll(() => whoAmI(account.transport), { timeout: 30_000, interval: 250 })
      .toBe('second');
    expect(await account.registry.metrics()).toContain(
      'rest_client_request_retries_total{verb="create",resource="selfsubjectreviews",code="401"} 1',
    );
    expect(await registry.metrics()).not.toContain('code="401"');
  });

  it('without any right is refused with Forbidden, not renewed', async () => {
    const { tokenOf, putToken, source } = await setUpAccounts();
    await putToken(await tokenOf('first'));
    const account = layerClient({ source });
    onTestFinished(() => account[Symbol.asyncDispose]());
    const error = await account.client
      .for(namespaces)
      .list({}, { signal })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'Forbidden', httpStatus: 403, retryable: false });
    expect(String(error)).not.toContain('eyJ');
  });
});
