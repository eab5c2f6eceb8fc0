import { expect, test, vi } from 'vitest';
import { clientOf, kubeObject } from '../../../test/support/kube-calls.ts';
import { KubeError } from '../base/kube-error.ts';
import type { DeleteOptions } from '../client/resource-client.ts';
import type { ObjectKey } from '../objects/object-key.ts';
import { deleteObject } from './delete-object.ts';

const { signal } = new AbortController();

test('deletes by uid and keeps the other preconditions', async () => {
  const remove = vi.fn(async (_key: ObjectKey, _options: DeleteOptions) => undefined);
  const client = clientOf({ delete: remove });
  await deleteObject(client, kubeObject('a'), { signal, preconditions: { resourceVersion: '7' } });
  expect(remove).toHaveBeenCalledExactlyOnceWith(
    { namespace: 'ns', name: 'a' },
    { signal, preconditions: { uid: 'uid-a', resourceVersion: '7' } },
  );
});

test.each([
  ['NotFound', undefined],
  ['Conflict', 'Conflict'],
  ['Forbidden', 'Forbidden'],
])('%s becomes %s', async (code, thrown) => {
  const client = clientOf({ delete: async () => Promise.reject(new KubeError(code, code)) });
  const deleted = deleteObject(client, kubeObject('a'), { signal });
  if (thrown === undefined) await deleted;
  else await expect(deleted).rejects.toMatchObject({ code: thrown });
});
