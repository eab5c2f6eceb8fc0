import { describe, expect, test } from 'vitest';
import { clientOf, kubeObject, patchedClient } from '../../../test/support/kube-calls.ts';
import { KubeError } from '../base/kube-error.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from './finalizers.ts';

const MINE = 'test.example.com/clean';
const call = { signal: new AbortController().signal, fieldManager: 'test' };

/** What the API server answers to a JSON Patch whose `test` does not hold. */
const testFailed = new KubeError(
  'Invalid',
  'the server rejected our request due to an error in our request',
  { httpStatus: 422 },
);
const notValid = new KubeError('Invalid', 'ConfigMap "a" is invalid', {
  httpStatus: 422,
  causes: [{ reason: 'FieldValueInvalid', field: 'metadata.finalizers' }],
});

describe('addFinalizer', () => {
  test('to an object without any locks the whole object', async () => {
    const { client, operations } = patchedClient(kubeObject('a', { finalizers: [MINE] }));
    const answer = await addFinalizer(client, kubeObject('a'), MINE, call);
    expect(hasFinalizer(answer, MINE)).toBe(true);
    expect(operations).toEqual([
      { op: 'test', path: '/metadata/uid', value: 'uid-a' },
      { op: 'test', path: '/metadata/resourceVersion', value: '7' },
      { op: 'add', path: '/metadata/finalizers', value: [MINE] },
    ]);
  });

  test('beside others locks only their list', async () => {
    const { client, operations } = patchedClient(kubeObject('a'));
    await addFinalizer(client, kubeObject('a', { finalizers: ['x/y'] }), MINE, call);
    expect(operations).toEqual([
      { op: 'test', path: '/metadata/uid', value: 'uid-a' },
      { op: 'test', path: '/metadata/finalizers', value: ['x/y'] },
      { op: 'add', path: '/metadata/finalizers/-', value: MINE },
    ]);
  });

  test.each([
    ['has it already', { finalizers: [MINE] }],
    ['is being deleted', { deletionTimestamp: '2026-01-01T00:00:00Z' }],
  ])('calls nothing for an object that %s', async (_name, metadata) => {
    const object = kubeObject('a', metadata);
    expect(await addFinalizer(clientOf({}), object, MINE, call)).toBe(object);
  });
});

describe('removeFinalizer', () => {
  test('removes its own place and leaves others', async () => {
    const { client, operations } = patchedClient(kubeObject('a'));
    await removeFinalizer(client, kubeObject('a', { finalizers: ['x/y', MINE] }), MINE, call);
    expect(operations).toEqual([
      { op: 'test', path: '/metadata/uid', value: 'uid-a' },
      { op: 'test', path: '/metadata/finalizers', value: ['x/y', MINE] },
      { op: 'remove', path: '/metadata/finalizers/1' },
    ]);
  });

  test('is done where the object is gone or has none', async () => {
    const patch = async () => Promise.reject(new KubeError('NotFound', 'gone'));
    await removeFinalizer(clientOf({ patch }), kubeObject('a', { finalizers: [MINE] }), MINE, call);
    await removeFinalizer(clientOf({}), kubeObject('a'), MINE, call);
  });

  test.each([
    ['a failed test is a conflict', testFailed, 'Conflict'],
    ['an object that does not validate stays invalid', notValid, 'Invalid'],
    ['others pass', new KubeError('Forbidden', 'no'), 'Forbidden'],
  ])('%s', async (_name, thrown, code) => {
    const object = kubeObject('a', { finalizers: [MINE] });
    const patch = async () => Promise.reject(thrown);
    await expect(removeFinalizer(clientOf({ patch }), object, MINE, call)).rejects.toMatchObject({
      code,
    });
  });
});
