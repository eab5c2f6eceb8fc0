import { expect, test } from 'vitest';
import { KubeError } from '../../kube/base/kube-error.ts';
import type { KubeRequest } from '../../kube/client/transport.ts';
import { createKubeClient } from '../../kube/client/typed-client.ts';
import { deletePodsOf } from './pod-deletions.ts';

/** Finished pods by phase, deleted page by page; an answer in `broken` stands for the request of that number. */
function setUp(finished: Readonly<Record<string, number>>, broken: Record<number, KubeError> = {}) {
  const queries: Record<string, string | undefined>[] = [];
  const left = new Map(Object.entries(finished));
  const request = async ({ query = {} }: KubeRequest): Promise<unknown> => {
    const failure = broken[queries.push(query)];
    if (failure !== undefined) throw failure;
    const phase = query['fieldSelector']?.replace('status.phase=', '') ?? '';
    const rest = Math.max(0, (left.get(phase) ?? 0) - Number(query['limit'] ?? Infinity));
    left.set(phase, rest);
    return { metadata: rest > 0 ? { continue: `${rest} left` } : {} };
  };
  const transport = {
    request,
    stream: () => Promise.reject(new Error('no stream is expected')),
    [Symbol.asyncDispose]: async () => undefined,
  };
  const sweep = async (asOf = '7') =>
    await deletePodsOf(
      createKubeClient({ transport }),
      'here',
      { labels: { batch: 'one' }, asOf: asOf === '' ? undefined : asOf },
      { signal: new AbortController().signal },
    );
  return { queries, left, sweep };
}

const SELECTED = { labelSelector: 'batch=one', fieldSelector: 'status.phase=Succeeded' };
const AT_VIEW = { resourceVersion: '7', resourceVersionMatch: 'Exact' };

test('thousands go in portions, all of them as of the same view', async () => {
  const { left, queries, sweep } = setUp({ Succeeded: 450, Failed: 3 });
  await sweep();
  expect(Object.fromEntries(left)).toEqual({ Succeeded: 0, Failed: 0 });
  expect(queries).toEqual([
    { ...SELECTED, ...AT_VIEW, limit: '200' },
    { ...SELECTED, limit: '200', continue: '250 left' },
    { ...SELECTED, limit: '200', continue: '50 left' },
    { ...SELECTED, ...AT_VIEW, limit: '200', fieldSelector: 'status.phase=Failed' },
  ]);
});

test('a view that the API server no longer has ends the sweep, also between two portions', async () => {
  const { left, sweep } = setUp({ Succeeded: 450 }, { 2: new KubeError('Expired', 'too old') });
  await sweep();
  expect(left.get('Succeeded')).toBe(250);
});

test('another failure is the caller’s', async () => {
  const { sweep } = setUp({ Succeeded: 1 }, { 1: new KubeError('Forbidden', 'you may not') });
  await expect(sweep()).rejects.toThrow('you may not');
});

test('without a version nothing is deleted', async () => {
  const { queries, sweep } = setUp({ Succeeded: 1 });
  await sweep('');
  expect(queries).toEqual([]);
});
