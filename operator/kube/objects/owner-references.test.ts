import { describe, expect, test, vi } from 'vitest';
import { clientOf, kubeObject, patchedClient } from '../../../test/support/kube-calls.ts';
import { KubeError } from '../base/kube-error.ts';
import { createOwned } from '../writes/create-owned.ts';
import type { KubeObject } from './kube-object.ts';
import {
  adopt,
  byControllerUid,
  controllerOf,
  controllerRef,
  isControlledBy,
} from './owner-references.ts';

const call = { signal: new AbortController().signal, fieldManager: 'test' };
const owner = kubeObject('owner');
const reborn = kubeObject('owner', { uid: 'uid-2' });
const owned = kubeObject('child', { ownerReferences: [controllerRef(owner)] });
const orphan = kubeObject('child');
const foreign = kubeObject('child', { ownerReferences: [controllerRef(kubeObject('other'))] });
const rejects = (code: string) => async (): Promise<KubeObject> =>
  Promise.reject(new KubeError(code, code));

describe('references', () => {
  test('make the owner the one controller and block its foreground deletion', () => {
    expect(controllerRef(owner)).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: 'owner',
      uid: 'uid-owner',
      controller: true,
      blockOwnerDeletion: true,
    });
    expect(() => controllerRef(kubeObject('new', { uid: undefined }))).toThrow(/new: no metadata/);
  });

  test('count by uid', () => {
    expect(isControlledBy(owned, owner)).toBe(true);
    expect(isControlledBy(owned, reborn)).toBe(false);
    expect(isControlledBy(orphan, owner)).toBe(false);
    expect(isControlledBy(orphan, kubeObject('x', { uid: undefined }))).toBe(false);
    expect(byControllerUid(owned)).toEqual(['uid-owner']);
    expect(byControllerUid(orphan)).toEqual([]);
  });

  test('that are no controllers do not count', () => {
    const { controller: _left, ...plain } = controllerRef(owner);
    const friend = kubeObject('child', { ownerReferences: [plain] });
    expect(controllerOf(friend)).toBeUndefined();
    expect(isControlledBy(friend, owner)).toBe(false);
  });
});

describe('adopt', () => {
  test('reads the owner live and locks the child', async () => {
    const { client, operations } = patchedClient(owned);
    const get = vi.fn(async () => owner);
    await adopt(client, orphan, clientOf({ get }), owner, call);
    expect(get).toHaveBeenCalledOnce();
    expect(operations).toEqual([
      { op: 'test', path: '/metadata/resourceVersion', value: '7' },
      { op: 'add', path: '/metadata/ownerReferences', value: [controllerRef(owner)] },
    ]);
  });

  test('is done where the child is its own', async () => {
    expect(await adopt(clientOf({}), owned, clientOf({}), owner, call)).toBe(owned);
  });

  test.each<[string, typeof orphan, typeof owner]>([
    ['a child of another', foreign, owner],
    ['for an owner that was created anew', orphan, reborn],
    ['for an owner that is going', orphan, kubeObject('owner', { deletionTimestamp: 'now' })],
  ])('refuses %s', async (_name, child, live) => {
    const owners = clientOf({ get: async () => live });
    await expect(adopt(clientOf({}), child, owners, owner, call)).rejects.toMatchObject({
      code: 'NotOwned',
    });
  });
});

describe('createOwned', () => {
  const wanted = { metadata: { name: 'child', namespace: 'ns' } };

  test('gives the new child', async () => {
    expect(await createOwned(clientOf({ create: async () => owned }), wanted, owner, call)).toBe(
      owned,
    );
  });

  test('meets its own child where the name is taken', async () => {
    const client = clientOf({ create: rejects('AlreadyExists'), get: async () => owned });
    expect(await createOwned(client, wanted, owner, call)).toBe(owned);
  });

  test.each([
    ['another controller', foreign, /belongs to ConfigMap other \(uid uid-other\), expected/],
    ['nobody', orphan, /belongs to nobody/],
    ['the former owner of that name', owned, /expected ConfigMap owner \(uid uid-2\)/],
  ])('refuses an object of %s', async (_name, existing, message) => {
    const client = clientOf({ create: rejects('AlreadyExists'), get: async () => existing });
    const by = existing === owned ? reborn : owner;
    const refused = createOwned(client, wanted, by, call);
    await expect(refused).rejects.toMatchObject({ code: 'NotOwned' });
    await expect(refused).rejects.toThrow(message);
  });

  test('asks for another try where the other object vanished', async () => {
    const client = clientOf({ create: rejects('AlreadyExists'), get: rejects('NotFound') });
    await expect(createOwned(client, wanted, owner, call)).rejects.toMatchObject({
      code: 'Conflict',
      retryable: true,
    });
  });

  test.each(['Forbidden', 'Invalid', 'ConnectionFailed'])('passes %s on', async (code) => {
    const client = clientOf({ create: rejects(code) });
    await expect(createOwned(client, wanted, owner, call)).rejects.toMatchObject({ code });
  });
});
