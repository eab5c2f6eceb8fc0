import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KubeError } from '../../operator/kube/base/kube-error.ts';
import type { ApplyObject } from '../../operator/kube/client/resource-client.ts';
import { formatFieldPath } from '../../src/api/field-path.ts';
import type { Kind } from '../../src/api/kinds.ts';
import { loadDocument, splitDocuments } from '../../src/api/kube-yaml.ts';
import { badValues, NEW_FIELDS } from '../support/bad-values.ts';
import { installCrds, plainKind } from '../support/clawgym-layer.ts';
import { CRD_EXAMPLES, exampleObject } from '../support/crd-examples.ts';
import { crdFiles } from '../support/crd-files.ts';
import { type KStatusObject, kstatus } from '../support/kstatus.ts';
import { layerClient, ownNamespace } from '../support/layer-client.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { tempDir } from '../support/temp-dir.ts';

const ROOT = join(import.meta.dirname, '../..');
const cluster = layerCluster();
const { signal } = new AbortController();
const user = { signal, fieldManager: 'user', force: true };

const layer = layerClient();

beforeAll(async () => installCrds(cluster), 120_000);
afterAll(async () => layer[Symbol.asyncDispose]());

/** A kind of the whole cluster has no place in a namespace. */
const placed = (object: Record<string, unknown>, namespace: string, name: string) => {
  const { namespaced } = plainKind(object['kind'] as Kind);
  return { ...object, metadata: { name, ...(namespaced && { namespace }) } } as ApplyObject;
};

/** What the server said of an object; undefined where it took it. */
async function refusal(answer: Promise<unknown>): Promise<KubeError | undefined> {
  try {
    await answer;
    return undefined;
  } catch (thrown) {
    if (thrown instanceof KubeError) return thrown;
    throw thrown;
  }
}

describe('rules on the real server', () => {
  test.each(CRD_EXAMPLES)('$kind $field: $message', async (example) => {
    const namespace = await ownNamespace(layer.client, 'rules');
    const client = layer.client.for(plainKind(example.kind));
    const object = (spec: Record<string, unknown>) =>
      placed(exampleObject(example.kind, spec), namespace, 'example');
    if (example.before) await client.apply(object(example.before), user);
    const dry = { ...user, dryRun: true };
    expect(await refusal(client.apply(object(example.pass), dry))).toBeUndefined();
    const refused = await refusal(client.apply(object(example.fail), dry));
    expect(refused?.code).toBe('Invalid');
    expect(refused?.causes.map(({ field, message }) => ({ field, message }))).toEqual([
      { field: example.field, message: expect.stringContaining(example.message) },
    ]);
  });
});

describe('bad values', () => {
  test.each(NEW_FIELDS)('of %s %j are refused at each field', async (kind, under) => {
    const namespace = await ownNamespace(layer.client, 'bad');
    const client = layer.client.for(plainKind(kind));
    // One a field: the second reading of the schema in the unit tests has all of them.
    const all = badValues(kind, under);
    const bad = [...new Map(all.map((each) => [formatFieldPath(each.path), each])).values()];
    const open = [...bad];
    const odd: string[] = [];
    const ask = async (): Promise<void> => {
      for (let each = open.pop(); each !== undefined; each = open.pop()) {
        const object = placed(each.object, namespace, 'bad');
        const refused = await refusal(client.create(object, { ...user, dryRun: true }));
        const field = formatFieldPath(each.path);
        const said = [refused?.message, ...(refused?.causes ?? []).map((cause) => cause.field)];
        if (!said.some((text) => text?.includes(field))) {
          odd.push(`${field}: ${each.why}: ${refused?.message ?? 'taken'}`);
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, ask));
    expect(bad.length).toBeGreaterThan(2);
    expect(odd).toEqual([]);
  });
});

describe('what people see', () => {
  test('short names, the category and the columns', async () => {
    const namespace = await ownNamespace(layer.client, 'seen');
    const kubectl = (...args: string[]) => cluster.kubectl(['--namespace', namespace, ...args]);
    for (const kind of ['ClawTask', 'RolloutBatch', 'BenchRun'] as const)
      await layer.client
        .for(plainKind(kind))
        .apply(placed(exampleObject(kind, {}), namespace, 'one'), user);
    // What kubectl has learnt of the server is on disk, and may be older than the kinds.
    await using cache = await tempDir();
    const category = ['get', 'clawgym', '-o', 'name', '--cache-dir', cache.path];
    const all = async () => (await kubectl(...category)).trim().split('\n').toSorted();
    await expect
      .poll(all, { timeout: 30_000 })
      .toEqual([
        'benchrun.clawgym.io/one',
        'clawtask.clawgym.io/one',
        'rolloutbatch.clawgym.io/one',
      ]);
    const header = async (...args: string[]) =>
      (await kubectl('get', ...args)).split('\n')[0]?.trim().split(/ {2,}/);
    expect(await header('bench')).toEqual(['NAME', 'SCORE', 'COVERAGE', 'STATUS', 'AGE']);
    expect(await header('rbatch')).toEqual(['NAME', 'DONE', 'ACTIVE', 'MISSING', 'STATUS', 'AGE']);
    expect(await header('ctask')).toEqual(['NAME', 'READY', 'GATES', 'REASON', 'AGE']);
    expect(await header('bench', '-o', 'wide')).toContain('DONE');
    expect(await header('rbatch', '-o', 'wide')).toEqual(
      expect.arrayContaining(['AGENT', 'MODEL', 'QUEUE']),
    );
    expect(await header('ctask', '-o', 'wide')).toEqual(
      expect.arrayContaining(['CATEGORY', 'DIGEST']),
    );
  });

  test.each<[Kind, string, string, Record<string, unknown>]>([
    ['BenchRun', 'spec.suspend', 'true', { suspend: true }],
    ['RolloutBatch', 'spec.suspend', 'true', { suspend: true }],
    ['RolloutBatch', 'spec.agent.name', 'nop', { agent: { name: 'nop' }, model: undefined }],
    ['ClawTask', 'spec.task.category', 'mail', {}],
  ])('%s is selected by %s=%s', async (kind, field, value, spec) => {
    const namespace = await ownNamespace(layer.client, 'select');
    const client = layer.client.for(plainKind(kind));
    const other = exampleObject(kind, {});
    const wanted = exampleObject(kind, spec);
    if (kind === 'ClawTask')
      Object.assign((wanted['spec'] as { task: object }).task, { category: 'mail' });
    await client.apply(placed(other, namespace, 'other'), user);
    await client.apply(placed(wanted, namespace, 'wanted'), user);
    const { plural } = plainKind(kind);
    const found = await cluster.kubectl([
      ...['--namespace', namespace, 'get', plural, '-o', 'name'],
      ...['--field-selector', `${field}=${value}`],
    ]);
    expect(found.trim()).toMatch(/\/wanted$/);
  });

  test('a status field is selected by', async () => {
    const namespace = await ownNamespace(layer.client, 'select');
    const client = layer.client.for(plainKind('ClawTask'));
    const digest = 'ab'.repeat(32);
    for (const name of ['one', 'two'])
      await client.apply(placed(exampleObject('ClawTask', {}), namespace, name), user);
    await client.applyStatus({ metadata: { name: 'two', namespace }, status: { digest } }, user);
    const { items } = await client.list(
      { namespace, fieldSelector: `status.digest=${digest}` },
      { signal },
    );
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['two']);
  });

  test.each(crdFiles().map(({ spec }) => spec.names))(
    'kubectl explain $plural tells what every field is',
    async ({ plural }) => {
      const text = await cluster.kubectl(['explain', String(plural), '--recursive']);
      expect(text).toMatch(/^GROUP: +clawgym\.io/m);
      // A runtime is a template, which has no status.
      for (const part of text.includes('\n  status\t') ? ['spec', 'status'] : ['spec']) {
        const told = await cluster.kubectl(['explain', `${String(plural)}.${part}`]);
        expect(told).toMatch(/DESCRIPTION:\s+\S/);
        expect(told).not.toContain('<no description>');
      }
    },
  );
});

describe('objects', () => {
  test('that no controller has seen yet say that there is work to do, until they go', async () => {
    const namespace = await ownNamespace(layer.client, 'fresh');
    const kinds = ['ClawTask', 'RolloutBatch', 'BenchRun', 'SynthesisJob', 'TrainingRun'] as const;
    for (const kind of kinds) {
      const client = layer.client.for(plainKind(kind));
      const fresh = placed(exampleObject(kind, {}), namespace, 'fresh');
      const finalizers = ['example.com/looks-at-it'];
      const metadata = { ...fresh.metadata, finalizers };
      const made = await client.apply({ ...fresh, metadata }, user);
      expect(made).toMatchObject({
        metadata: { generation: 1 },
        status: { observedGeneration: 0 },
      });
      expect(kstatus(made as KStatusObject)).toBe('InProgress');
      const key = { namespace, name: 'fresh' };
      await client.delete(key, { signal });
      expect(kstatus((await client.get(key, { signal })) as KStatusObject)).toBe('Terminating');
      const body = { metadata: { finalizers: null } };
      await client.patch(key, { type: 'merge', body }, { signal, fieldManager: 'user' });
    }
  });

  test('have a status of their own: a user who applies one changes nothing', async () => {
    const namespace = await ownNamespace(layer.client, 'status');
    const client = layer.client.for(plainKind('BenchRun'));
    const object = placed(exampleObject('BenchRun', {}), namespace, 'one');
    const made = await client.apply({ ...object, status: { scores: 'mine 1.000' } }, user);
    expect(made).toMatchObject({ status: { observedGeneration: 0 } });
    expect(made).not.toHaveProperty('status.scores');
  });

  test('with a field that the kind does not have are refused by name', async () => {
    const namespace = await ownNamespace(layer.client, 'strict');
    const object = placed(exampleObject('BenchRun', { attempt: 3 }), namespace, 'one');
    const refused = await refusal(layer.client.for(plainKind('BenchRun')).apply(object, user));
    expect(refused?.message).toContain('attempt');
  });

  test('with a name that leaves no room for those of Jobs are refused', async () => {
    const namespace = await ownNamespace(layer.client, 'names');
    const object = placed(exampleObject('BenchRun', {}), namespace, 'x'.repeat(41));
    const refused = await refusal(layer.client.for(plainKind('BenchRun')).apply(object, user));
    expect(refused?.causes.map(({ field }) => field)).toContain('metadata.name');
  });
});

/** Manifests of our kinds that the repository ships. */
const SHIPPED = globSync(['examples/**/*.yaml', 'deploy/samples/**/*.yaml'], { cwd: ROOT })
  .flatMap((path) => {
    const documents = splitDocuments(readFileSync(join(ROOT, path), 'utf8'));
    return documents.map(({ index, text }) => ({ path, index, object: loadDocument(text) }));
  })
  .filter(({ object }) => String((object as ApplyObject)['apiVersion']).startsWith('clawgym.io/'));

describe('samples', () => {
  test('are there', () => expect(SHIPPED.length).toBeGreaterThan(0));

  test.each(SHIPPED)(
    '$path #$index goes in by server-side apply, and again',
    async ({ object }) => {
      const namespace = await ownNamespace(layer.client, 'samples');
      const { kind, metadata, ...rest } = object as ApplyObject & { kind: Kind };
      // What belongs to the cluster is seen by the tests of other files: never under its own name.
      const own = plainKind(kind).namespaced ? metadata.name : `${metadata.name}-${namespace}`;
      const { metadata: place } = placed({ kind }, namespace, own);
      const sample = { ...rest, kind, metadata: { ...metadata, ...place } };
      const client = layer.client.for(plainKind(kind));
      const { metadata: made } = await client.apply(sample, user);
      // The first write after the creation stores the default of the status.
      const { metadata: again } = await client.apply(sample, user);
      expect(again.generation).toBe(made.generation);
      expect((await client.apply(sample, user)).metadata.resourceVersion).toBe(
        again.resourceVersion,
      );
    },
  );
});
