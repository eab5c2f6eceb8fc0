import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { KubeError } from '../../operator/kube/base/kube-error.ts';
import { zKubeObject } from '../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../operator/kube/objects/resource.ts';
import {
  configMaps,
  layerClient,
  namespaces,
  ownNamespace,
  pods,
} from '../support/layer-client.ts';

const { signal } = new AbortController();
const call = { signal, fieldManager: 'tests' };

async function setUp() {
  const connected = layerClient();
  onTestFinished(() => connected[Symbol.asyncDispose]());
  const namespace = await ownNamespace(connected.client, 'client-verbs');
  return { ...connected, namespace, maps: connected.client.for(configMaps) };
}

async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const thrown = await promise.then(
    () => new Error('did not fail'),
    (error: unknown) => error,
  );
  if (!(thrown instanceof KubeError)) throw thrown;
  return thrown;
}

describe('reads and writes', () => {
  it('gives back what was created, with type and without managed fields', async () => {
    const { maps, namespace } = await setUp();
    const made = await maps.create({ metadata: { name: 'a', namespace }, data: { x: '1' } }, call);
    const got = await maps.get({ namespace, name: 'a' }, { signal });
    expect(got).toEqual(made);
    expect(got).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { x: '1' } });
    expect(got.metadata).not.toHaveProperty('managedFields');
    expect(got.metadata.creationTimestamp).toMatch(/^\d{4}-.*Z$/);
  });

  it('tells AlreadyExists, NotFound and a stale replace apart', async () => {
    const { maps, namespace } = await setUp();
    const metadata = { name: 'a', namespace };
    const made = await maps.create({ metadata }, call);
    expect(await failure(maps.create({ metadata }, call))).toMatchObject({ code: 'AlreadyExists' });
    expect(await failure(maps.get({ namespace, name: 'b' }, { signal }))).toMatchObject({
      code: 'NotFound',
      httpStatus: 404,
      retryable: false,
    });
    const next = await maps.replace({ ...made, data: { x: '2' } }, call);
    expect(next.data).toEqual({ x: '2' });
    expect(await failure(maps.replace({ ...made, data: { x: '3' } }, call))).toMatchObject({
      code: 'Conflict',
      httpStatus: 409,
    });
  });

  it('names the fields of an invalid object', async () => {
    const { maps, namespace } = await setUp();
    const error = await failure(maps.create({ metadata: { name: 'Not_A_Name', namespace } }, call));
    expect(error.code).toBe('Invalid');
    expect(error.causes).toMatchObject([{ reason: 'FieldValueInvalid', field: 'metadata.name' }]);
  });

  it('refuses a field that the kind does not have', async () => {
    const { maps, namespace } = await setUp();
    const map = await maps.create({ metadata: { name: 'a', namespace } }, call);
    const body = { dtaa: { x: '1' } };
    const key = { namespace, name: 'b' };
    const writes = [
      () => maps.create({ metadata: key, ...body }, call),
      () => maps.apply({ metadata: key, ...body }, call),
      () => maps.replace({ ...map, ...body }, call),
      () => maps.patch(map.metadata, { type: 'merge', body }, call),
    ];
    for (const write of writes) expect((await failure(write())).message).toMatch(/dtaa/);
  });

  it('changes nothing by a dry run', async () => {
    const { maps, namespace } = await setUp();
    await maps.create({ metadata: { name: 'a', namespace } }, { ...call, dryRun: true });
    expect((await failure(maps.get({ namespace, name: 'a' }, { signal }))).code).toBe('NotFound');
  });

  it('reaches objects without a namespace, and refuses keys that do not fit', async () => {
    const { client, maps, namespace } = await setUp();
    const got = await client.for(namespaces).get({ name: namespace }, { signal });
    expect(got.metadata.name).toBe(namespace);
    for (const key of [{ name: 'a' }, { namespace, name: '' }, { namespace, name: '..' }])
      expect((await failure(maps.delete(key, { signal }))).code).toBe('BadRequest');
  });

  it('that do not fit the schema tell object and field', async () => {
    const { client, maps, namespace } = await setUp();
    await maps.create({ metadata: { name: 'a', namespace }, data: { x: '1' } }, call);
    const strict = defineResource({
      ...configMaps,
      schema: zKubeObject.extend({ data: z.record(z.string(), z.number()) }),
    });
    const error = await failure(
      client.for(strict).patch({ namespace, name: 'a' }, { type: 'merge', body: {} }, call),
    );
    expect(error.code).toBe('InvalidObject');
    expect(error.message).toMatch(/^v1 ConfigMap a: data\.x: .*expected number/);
  });
});

describe('patches', () => {
  it('merge, and remove a key by null', async () => {
    const { maps, namespace } = await setUp();
    const key = { namespace, name: 'a' };
    await maps.create({ metadata: key, data: { x: '1', y: '1' } }, call);
    const body = { data: { x: null, z: '1' } };
    expect((await maps.patch(key, { type: 'merge', body }, call)).data).toEqual({ y: '1', z: '1' });
  });

  it('by operations do all or nothing: a failed test leaves the object as it was', async () => {
    const { maps, namespace } = await setUp();
    const key = { namespace, name: 'a' };
    const made = await maps.create({ metadata: key, data: { x: '1' } }, call);
    const patch = (expected: string) =>
      maps.patch(
        key,
        {
          type: 'json',
          operations: [
            { op: 'replace', path: '/data/x', value: '2' },
            { op: 'test', path: '/metadata/resourceVersion', value: expected },
          ],
        },
        call,
      );
    const error = await failure(patch('1'));
    expect(error).toMatchObject({ code: 'Invalid', httpStatus: 422 });
    expect(await maps.get(key, { signal })).toEqual(made);
    expect((await patch(made.metadata.resourceVersion ?? '')).data).toEqual({ x: '2' });
  });
});

describe('server-side apply', () => {
  it('creates, keeps the fields of others, and drops its own that are no longer sent', async () => {
    const { maps, namespace } = await setUp();
    const metadata = { name: 'a', namespace };
    const ours = { ...call, fieldManager: 'ours' };
    await maps.apply({ metadata, data: { x: '1', y: '1' } }, ours);
    await maps.apply({ metadata, data: { other: '1' } }, { ...call, fieldManager: 'theirs' });
    const after = await maps.apply({ metadata, data: { x: '1' } }, ours);
    expect(after.data).toEqual({ x: '1', other: '1' });
  });

  it('conflicts with the owner of a field unless it is forced', async () => {
    const { maps, namespace } = await setUp();
    const metadata = { name: 'a', namespace };
    await maps.apply({ metadata, data: { x: '1' } }, { ...call, fieldManager: 'theirs' });
    const ours = { ...call, fieldManager: 'ours' };
    const error = await failure(maps.apply({ metadata, data: { x: '2' } }, ours));
    expect(error.code).toBe('Conflict');
    expect(error.causes).toMatchObject([{ reason: 'FieldManagerConflict', field: '.data.x' }]);
    const forced = await maps.apply({ metadata, data: { x: '2' } }, { ...ours, force: true });
    expect(forced.data).toEqual({ x: '2' });
  });

  it('to the status changes the status only', async () => {
    const { client, namespace } = await setUp();
    const metadata = { name: 'a', namespace };
    const containers = [{ name: 'c', image: 'none' }];
    const spec = { containers, nodeName: 'no-such-node' };
    const made = await client.for(pods).create({ metadata, spec }, call);
    const after = await client
      .for(pods)
      .applyStatus({ metadata, spec: { containers: [] }, status: { message: 'told' } }, call);
    expect(after.status).toMatchObject({ message: 'told' });
    expect(after.spec).toEqual(made.spec);
    const patched = await client
      .for(pods)
      .patch(
        metadata,
        { type: 'merge', body: { status: { message: 'again' } } },
        { ...call, subresource: 'status' },
      );
    expect(patched.status.message).toBe('again');
    await client.for(pods).delete(metadata, { signal, gracePeriodSeconds: 0 });
  });
});

describe('delete', () => {
  it('with preconditions spares an object that is another one by now', async () => {
    const { maps, namespace } = await setUp();
    const key = { namespace, name: 'a' };
    const { uid = '', resourceVersion = '' } = (await maps.create({ metadata: key }, call))
      .metadata;
    for (const preconditions of [{ uid: 'another' }, { uid, resourceVersion: '1' }])
      expect(await failure(maps.delete(key, { signal, preconditions }))).toMatchObject({
        code: 'Conflict',
      });
    await maps.delete(key, { signal, preconditions: { uid, resourceVersion } });
    expect((await failure(maps.get(key, { signal }))).code).toBe('NotFound');
    expect((await failure(maps.delete(key, { signal }))).code).toBe('NotFound');
  });
});
