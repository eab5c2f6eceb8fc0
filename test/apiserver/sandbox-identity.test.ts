import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { zKubeObject } from '../../operator/kube/objects/kube-object.ts';
import { defineResource, resourcePath } from '../../operator/kube/objects/resource.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { ClawError } from '../../src/base/error.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { AUDIENCES, LABELS, SANDBOX_SERVICE_ACCOUNT } from '../../src/protocol/pod-contract.ts';
import { ClusterKeys } from '../../src/server/identity/cluster-keys.ts';
import { type PodProofDeps, provePod } from '../../src/server/identity/prove-pod.ts';
import { TokenVerifier } from '../../src/server/identity/verify-token.ts';
import { keySource } from '../../src/server/kube/key-source.ts';
import { KubePodReader } from '../../src/server/kube/pod-reader.ts';
import { KubeKeptSecret, KubeSecretReader } from '../../src/server/kube/secrets.ts';
import { CertificateKeeper } from '../../src/server/tls/certificate-keeper.ts';
import type { ClusterStore } from '../../src/store/cluster-records.ts';
import { openSqliteClusterStore } from '../../src/store/sqlite/open.ts';
import { aJob, rolloutItems } from '../support/cluster-rows.ts';
import {
  layerClient,
  ownNamespace,
  pods,
  secrets,
  serviceAccounts,
} from '../support/layer-client.ts';
import { aBatch, aPlan } from '../support/records.ts';

/** Tokens that a real API server signs for pods that a real Job controller made. */
const jobs = defineResource({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  namespaced: true,
  schema: zKubeObject,
});

const server = layerClient();
const { client, transport } = server;
afterAll(() => server[Symbol.asyncDispose]());
const { signal } = new AbortController();
const call = { signal, fieldManager: 'tests' };

let folder: string;
let store: ClusterStore;
let namespace: string;
let deps: PodProofDeps;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clawgym-identity-'));
  store = await openSqliteClusterStore({ folder, holder: 'a test', clock: systemClock });
  namespace = await ownNamespace(client, 'identity');
  await client
    .for(serviceAccounts)
    .create({ metadata: { name: SANDBOX_SERVICE_ACCOUNT, namespace } }, call);
  deps = depsAt(systemClock);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function depsAt(clock: Clock): PodProofDeps {
  const keys = new ClusterKeys({
    source: keySource(transport),
    clock,
    logger: silentLogger,
    signal,
  });
  return {
    tokens: new TokenVerifier(keys, clock),
    pods: new KubePodReader(client, signal),
    records: store,
  };
}

/** An Indexed Job whose pods nobody runs, known to the store; answers the pod of index 1. */
async function podOfJob(): Promise<{ readonly name: string; readonly uid: string }> {
  const template = {
    metadata: { labels: { [LABELS.batch]: aJob().batch } },
    spec: {
      serviceAccountName: SANDBOX_SERVICE_ACCOUNT,
      automountServiceAccountToken: false,
      restartPolicy: 'Never',
      containers: [{ name: 'agent', image: 'none.example/none:1' }],
    },
  };
  const { name } = aJob();
  await store.planBatch(aBatch(), aPlan(2));
  await store.newJob(aJob({ namespace }), rolloutItems(0, 1));
  const spec = { completionMode: 'Indexed', completions: 2, parallelism: 2, template };
  const made = await client.for(jobs).create({ metadata: { name, namespace }, spec }, call);
  await store.setJobUid(aJob(), made.metadata.uid ?? '');
  const labelSelector = `batch.kubernetes.io/job-name=${name}`;
  const ofIndex = async () => {
    const { items } = await client.for(pods).list({ namespace, labelSelector }, { signal });
    return items.find(
      ({ metadata }) => metadata.annotations?.['batch.kubernetes.io/job-completion-index'] === '1',
    );
  };
  await expect.poll(ofIndex, { timeout: 30_000 }).toBeDefined();
  const metadata = (await ofIndex())?.metadata;
  return { name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
}

const zToken = z.object({ status: z.object({ token: z.string() }) });

async function tokenFor(
  pod: { readonly name: string; readonly uid: string } | undefined,
  audience: string,
  account = SANDBOX_SERVICE_ACCOUNT,
): Promise<string> {
  const path = resourcePath(serviceAccounts, { namespace, name: account, subresource: 'token' });
  const boundObjectRef = pod && { apiVersion: 'v1', kind: 'Pod', ...pod };
  const spec = { audiences: [audience], expirationSeconds: 600, boundObjectRef };
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
  const resource = 'serviceaccounts/token';
  const raw = await transport.request({
    method: 'POST',
    path,
    body,
    verb: 'create',
    resource,
    signal,
  });
  return `Bearer ${zToken.parse(raw).status.token}`;
}

const refused = (reason: string) => ({ details: { reason } });

describe('a token of a real pod', () => {
  it('proves Job and row, and nothing once the pod is deleted', async () => {
    const pod = await podOfJob();
    const token = await tokenFor(pod, AUDIENCES.rollout);
    expect(await provePod('stage', token, deps)).toMatchObject({
      namespace,
      ...pod,
      terminating: false,
      row: { index: 1, item: { kind: 'rollout', position: 1 } },
    });
    await expect(provePod('fetch', token, deps)).rejects.toMatchObject(refused('WrongAudience'));
    const late = depsAt({ ...systemClock, now: () => Date.now() + 606_000 });
    await expect(provePod('stage', token, late)).rejects.toMatchObject(refused('TokenExpired'));
    await client.for(pods).delete({ namespace, name: pod.name }, { signal, gracePeriodSeconds: 0 });
    // The Job controller holds a deleted pod by its finalizer until it has counted it.
    const reason = () =>
      provePod('stage', token, deps).catch((thrown: unknown) =>
        thrown instanceof ClawError ? thrown.details['reason'] : thrown,
      );
    expect(['PodTerminating', 'PodGone']).toContain(await reason());
    await expect.poll(reason, { timeout: 30_000 }).toBe('PodGone');
  });

  it('is refused where it names no pod, another account or the API server', async () => {
    const pod = await podOfJob();
    await client.for(serviceAccounts).create({ metadata: { name: 'other', namespace } }, call);
    const cases = [
      [await tokenFor(undefined, AUDIENCES.rollout), 'NotOfAPod'],
      [await tokenFor(undefined, AUDIENCES.rollout, 'other'), 'WrongServiceAccount'],
      [await tokenFor(pod, 'https://kubernetes.default.svc'), 'WrongAudience'],
    ] as const;
    for (const [token, reason] of cases) {
      await expect(provePod('stage', token, deps)).rejects.toMatchObject(refused(reason));
    }
  });
});

describe('Secrets', () => {
  const keeperOf = (name: string) => {
    const secret = new KubeKeptSecret(client, { namespace, name });
    const options = { names: ['server.example'], clock: systemClock, logger: silentLogger };
    return new CertificateKeeper({ ...options, secret });
  };

  it('keep the certificate, in the one of the chart or in a new one, and their labels', async () => {
    const metadata = { name: 'tls', namespace, labels: { chart: 'clawgym' } };
    await client.for(secrets).create({ metadata, type: 'Opaque' }, call);
    for (const name of ['tls', 'made']) {
      const [one, two] = await Promise.all([
        keeperOf(name).check(signal),
        keeperOf(name).check(signal),
      ]);
      expect(one).toEqual(two);
      expect(await keeperOf(name).check(signal)).toEqual(one);
    }
    const kept = await client.for(secrets).get({ namespace, name: 'tls' }, { signal });
    expect(kept.metadata.labels).toEqual({ chart: 'clawgym' });
  });

  it('of upstreams are read by name, with their type', async () => {
    const data = { baseURL: Buffer.from('https://m.example/v1').toString('base64') };
    const type = 'clawgym.io/upstream';
    await client.for(secrets).create({ metadata: { name: 'gpt', namespace }, type, data }, call);
    const reader = new KubeSecretReader(client, signal);
    const fields = { baseURL: 'https://m.example/v1' };
    expect(await reader.get(namespace, 'gpt')).toEqual({ type, fields });
    expect(await reader.get(namespace, 'none')).toBeUndefined();
  });
});
