import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { KubePodReader } from '../../src/server/kube/pod-reader.ts';
import { reviewSource } from '../../src/server/kube/reviews.ts';
import { BatchBed } from '../support/batch/batch-bed.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { CHARTS, HELM_BUILD_MS, Helm } from '../support/helm.ts';
import { layerClient } from '../support/layer-client.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { expandRules } from '../support/policy-rules.ts';

const cluster = layerCluster();
const suffix = randomUUID().slice(0, 8);
/** Of the release; runs are elsewhere. */
const namespace = `wide-${suffix}`;
const elsewhere = `runs-${suffix}`;
const [OPERATOR, SERVER] = ['clawgym-operator', 'clawgym-server'];
/** Bound to the reader's Role; to a Role for batches elsewhere; to nothing. */
const [READER, PERSON, NOBODY] = ['reader', 'person', 'nobody'];
const LIMIT = { timeout: 60_000, interval: 50 };
const signal = AbortSignal.timeout(600_000);
let helm: Helm;
/** What every account has, before there is a release. */
let common: ReadonlySet<string>;

const helmHere = (args: readonly string[]): Promise<string> =>
  helm.run([...args, '--namespace', namespace, '--kubeconfig', cluster.kubeconfigPath]);
const within = (place: string, args: readonly string[]): Promise<string> =>
  cluster.kubectl(['--namespace', place, ...args]);
const chart = join(CHARTS, 'clawgym');
const wide = ['--set', 'scope=cluster'];

beforeAll(async () => {
  helm = await Helm.open();
  await installCrds(cluster);
  for (const name of [namespace, elsewhere]) await cluster.kubectl(['create', 'namespace', name]);
  for (const name of [READER, PERSON, NOBODY])
    await within(namespace, ['create', 'serviceaccount', name]);
  common = new Set(await allRights(NOBODY, elsewhere));
  await helmHere(['install', 'clawgym', chart, ...wide]);
  await bind(namespace, READER, `${SERVER}-reader`);
  const batches = ['--verb=get', '--resource=rolloutbatches.clawgym.io'];
  await within(elsewhere, ['create', 'role', 'batches', ...batches]);
  await bind(elsewhere, PERSON, 'batches');
}, HELM_BUILD_MS);

afterAll(async () => {
  await helmHere(['uninstall', 'clawgym', '--ignore-not-found']);
  for (const name of [namespace, elsewhere])
    await cluster.kubectl(['delete', 'namespace', name, '--wait=false', '--ignore-not-found']);
  await helm?.[Symbol.asyncDispose]();
});

async function bind(place: string, account: string, role: string): Promise<void> {
  const to = [`--role=${role}`, `--serviceaccount=${namespace}:${account}`];
  await within(place, ['create', 'rolebinding', account, ...to]);
}

const tokenOf = async (account: string, more: readonly string[] = []): Promise<string> =>
  (await within(namespace, ['create', 'token', account, ...more])).trim();

const zKubeconfig = z.looseObject({ users: z.array(z.looseObject({ name: z.string() })) });

/** A client with nothing but the token of a service account of the release's namespace. */
async function clientOf(account: string) {
  const view = await cluster.kubectl(['config', 'view', '--raw', '--flatten', '-o', 'json']);
  const config = zKubeconfig.parse(JSON.parse(view));
  const user = { token: await tokenOf(account) };
  const users = config.users.map(({ name }) => ({ name, user }));
  return layerClient({ source: { kind: 'text', text: JSON.stringify({ ...config, users }) } });
}

const zRules = z.array(z.unknown());
const zReview = z.object({
  status: z.object({ resourceRules: zRules, nonResourceRules: zRules }),
});

/** All rights in a namespace, those on what has none included, as the API server tells the account. */
async function allRights(account: string, place: string): Promise<readonly string[]> {
  await using own = await clientOf(account);
  const [group, resource] = ['authorization.k8s.io', 'selfsubjectrulesreviews'];
  const answer = await own.transport.request({
    ...{ method: 'POST', verb: 'create', resource, signal },
    path: `/apis/${group}/v1/${resource}`,
    body: {
      ...{ apiVersion: `${group}/v1`, kind: 'SelfSubjectRulesReview' },
      spec: { namespace: place },
    },
  });
  const { resourceRules, nonResourceRules } = zReview.parse(answer).status;
  return expandRules({ rules: [...resourceRules, ...nonResourceRules] });
}

/** The same without what every account has. */
async function rightsIn(account: string, place: string): Promise<readonly string[]> {
  const own = new Set(await allRights(account, place));
  return [...own].filter((right) => !common.has(right)).toSorted();
}

/** Polled: the authorizer sees roles and bindings a moment after they were written. */
async function expectRights(account: string, place: string, rights: readonly string[]) {
  await expect.poll(() => rightsIn(account, place), LIMIT).toEqual(rights.toSorted());
}

const VERBS = 'get list watch create update patch delete deletecollection';
const RECONCILED = ['benchruns', 'clawtasks', 'rolloutbatches', 'synthesisjobs', 'trainingruns'];
/** What the controllers do where runs are. */
const OPERATOR_RIGHTS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    RECONCILED.flatMap((plural) => [
      [`clawgym.io/${plural}`, VERBS],
      [`clawgym.io/${plural}/status`, 'get update patch'],
      [`clawgym.io/${plural}/finalizers`, 'update'],
    ]),
  ),
  'clawgym.io/trainingruntimes': VERBS,
  'clawgym.io/clustertrainingruntimes': 'get list watch',
  'batch/jobs': 'get list watch create patch delete deletecollection',
  '/pods': 'get list watch create delete deletecollection',
  '/pods/eviction': 'create',
  '/serviceaccounts': 'get create patch',
  'networking.k8s.io/networkpolicies': 'get create patch',
  '/configmaps': 'get list watch',
  '/services': 'get list create',
  '/persistentvolumeclaims': 'get',
  '/events': 'get list watch',
  'events.k8s.io/events': 'get list watch create patch',
};
const SERVER_RIGHTS = {
  '/pods': 'get',
  'authentication.k8s.io/tokenreviews': 'create',
  'authorization.k8s.io/subjectaccessreviews': 'create',
};

const listed = (rights: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(rights)
    .flatMap(([resource, verbs]) => verbs.split(' ').map((verb) => `${verb} ${resource}`))
    .toSorted();

describe('an installation for the whole cluster', () => {
  test('gives the accounts what they need in any namespace, and nothing else', async () => {
    await expectRights(OPERATOR, elsewhere, listed(OPERATOR_RIGHTS));
    await expectRights(SERVER, elsewhere, listed(SERVER_RIGHTS));
    expect(await rightsIn(READER, elsewhere)).toEqual([]);
    for (const place of [namespace, elsewhere]) expect(await rightsIn(NOBODY, place)).toEqual([]);
  });

  test('gives them rights on Secrets in the namespace of the release alone, by name or to get', async () => {
    const own = ['tls', 'token', 'ca'].flatMap((name) =>
      ['get', 'update', 'patch'].map((verb) => `${verb} /secrets ${SERVER}-${name}`),
    );
    await expectRights(SERVER, namespace, [...listed(SERVER_RIGHTS), 'get /secrets', ...own]);
    const lease = ['get', 'update', 'patch'].map(
      (verb) => `${verb} coordination.k8s.io/leases ${OPERATOR}`,
    );
    const more = ['create coordination.k8s.io/leases', `get /services ${SERVER}`, ...lease];
    await expectRights(OPERATOR, namespace, [...listed(OPERATOR_RIGHTS), ...more]);
  });

  test('lets a reader find the server, and no token of it', async () => {
    await expectRights(READER, namespace, [
      'create /pods/portforward',
      'get /pods/portforward',
      `get /secrets ${SERVER}-ca`,
      ...['list /pods', 'list /services'],
    ]);
    await using reader = await clientOf(READER);
    const secret = (name: string): Promise<unknown> =>
      reader.transport.request({
        ...{ method: 'GET', verb: 'get', resource: 'secrets', signal },
        path: `/api/v1/namespaces/${namespace}/secrets/${name}`,
      });
    await expect(secret(`${SERVER}-ca`)).resolves.toMatchObject({ kind: 'Secret' });
    for (const name of ['token', 'tls'])
      await expect(secret(`${SERVER}-${name}`)).rejects.toMatchObject({ httpStatus: 403 });
  });

  test('lets the server ask who somebody is and what they may read', async () => {
    await expectRights(SERVER, elsewhere, listed(SERVER_RIGHTS));
    await expectRights(PERSON, elsewhere, ['get clawgym.io/rolloutbatches']);
    await using server = await clientOf(SERVER);
    const reviews = reviewSource(server.transport, signal);
    for (const audience of [[], ['--audience', 'clawgym/query']]) {
      const person = await reviews.whois(await tokenOf(PERSON, audience));
      if (person === undefined) throw new Error('the API server does not know the token');
      expect(person.username).toBe(`system:serviceaccount:${namespace}:${PERSON}`);
      expect(await reviews.mayRead(person, elsewhere)).toBe(true);
      expect(await reviews.mayRead(person, namespace)).toBe(false);
    }
    expect(await reviews.whois('no token')).toBe(undefined);
    const pods = new KubePodReader(server.client, signal);
    expect(await pods.get(elsewhere, 'none')).toBe(undefined);
    await using reader = await clientOf(READER);
    await expect(reviewSource(reader.transport, signal).whois('a')).rejects.toThrow(/forbidden/);
  });

  test('has an operator that brings a batch of another namespace to its end', async () => {
    await expectRights(OPERATOR, elsewhere, listed(OPERATOR_RIGHTS));
    await using bed = await BatchBed.open(cluster.kubeconfigPath);
    await using operator = await clientOf(OPERATOR);
    const service = { namespace, name: SERVER };
    await using _life = bed.start({ transport: operator.transport, serves: 'cluster', service });
    await bed.create('demo', { samples: 2 });
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
    await expect.poll(() => bed.jobs(), LIMIT).toEqual([]);
    await expect.poll(() => bed.eventReasons('demo'), LIMIT).toContain('Completed');
  });

  test('is refused to an admin of a namespace', async () => {
    const user = `admin-of-${elsewhere}`;
    const to = ['--clusterrole=admin', `--user=${user}`];
    await within(elsewhere, ['create', 'rolebinding', 'admin', ...to]);
    const asked = ['auth', 'can-i', 'create', 'roles.rbac.authorization.k8s.io', '--as', user];
    // The program ends with 1 where the answer is no.
    const bound = (): Promise<string> => within(elsewhere, asked).catch(() => 'no');
    await expect.poll(bound, LIMIT).toContain('yes');
    const as = ['--namespace', elsewhere, '--kube-as-user', user];
    const kubeconfig = ['--kubeconfig', cluster.kubeconfigPath];
    await expect(
      helm.run(['install', 'refused', chart, ...wide, ...as, ...kubeconfig]),
    ).rejects.toThrow(/cannot (create|get|patch) resource "clusterroles"/);
  });

  test('takes its rights back where reviews are switched off, and all when it is removed', async () => {
    const off = ['--set', 'server.accessReviews=false'];
    await helmHere(['upgrade', 'clawgym', chart, ...wide, ...off]);
    await expectRights(SERVER, elsewhere, ['get /pods']);
    await expectRights(READER, namespace, []);
    await helmHere(['uninstall', 'clawgym']);
    const left = await cluster.kubectl(['get', 'clusterrole,clusterrolebinding', '-o', 'name']);
    expect(left.split('\n').filter((line) => line.includes(namespace))).toEqual([]);
  });
});
