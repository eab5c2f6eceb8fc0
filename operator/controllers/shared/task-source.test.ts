import { expect, test } from 'vitest';
import type { TaskSource } from '../../../src/api/task-source.ts';
import { sampleSynthesisJob } from '../../../test/support/sample-objects.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
import type { Transport } from '../../kube/client/transport.ts';
import { createKubeClient } from '../../kube/client/typed-client.ts';
import { readTaskSource, selectorText } from './task-source.ts';

const { signal } = new AbortController();
const DIGEST = 'a'.repeat(64);

function told(type: string, reason: string, message: string): object {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return { type, status: 'True', reason, message, lastTransitionTime };
}

/** `done` has a task set, `going` has some tasks. */
const STATUS: Readonly<Record<string, object>> = {
  done: { taskSet: DIGEST, progress: '24/24' },
  going: { progress: '3/24', conditions: [told('Progressing', 'Running', '3 of 24 tasks')] },
  stalled: { conditions: [told('Stalled', 'NeedsAction', 'there is no Secret author')] },
  failed: { conditions: [told('Failed', 'NothingAccepted', '0 of 24 tasks')] },
};

function synthesis(name: string) {
  const { apiVersion, kind, metadata, spec } = sampleSynthesisJob();
  const leaving = name === 'leaving' && { deletionTimestamp: '2026-01-01T00:00:00Z' };
  return {
    ...{
      apiVersion,
      kind,
      spec,
      metadata: { ...(metadata as object), namespace: 'runs', name, ...leaving },
    },
    status: STATUS[name],
  };
}

/** An API server with one ConfigMap and two ClawTasks. */
function cluster(asked: string[] = []) {
  const task = (name: string) => ({
    metadata: { name, namespace: 'runs' },
    spec: { taskSetRef: { digest: DIGEST, taskId: name } },
  });
  const transport: Transport = {
    request: async ({ path, query }) => {
      asked.push(`${path} ${query?.['labelSelector'] ?? ''}`.trim());
      if (path.endsWith('/configmaps/tasks'))
        return {
          ...{ apiVersion: 'v1', kind: 'ConfigMap' },
          ...{ metadata: { name: 'tasks', namespace: 'runs' }, data: { 'a.jsonl': '{}' } },
        };
      if (path.endsWith('/clawtasks')) {
        const none = query?.['labelSelector']?.includes('none');
        const items = none ? [] : [task('b'), task('a')];
        return { metadata: { resourceVersion: '1' }, items };
      }
      const job = /synthesisjobs\/(done|going|stalled|failed|leaving)$/.exec(path)?.[1];
      if (job !== undefined) return synthesis(job);
      throw new KubeError('NotFound', `${path}: not found`, { httpStatus: 404 });
    },
    stream: async () => Promise.reject(new Error('no stream')),
    [Symbol.asyncDispose]: async () => undefined,
  };
  return createKubeClient({ transport });
}

test.each<[string, TaskSource, unknown]>([
  ['a digest', { digest: DIGEST }, { kind: 'digest', digest: DIGEST }],
  [
    'a URL',
    { url: { url: 'https://x.example', digest: DIGEST } },
    { kind: 'url', url: 'https://x.example', digest: DIGEST },
  ],
  [
    'a ConfigMap',
    { configMap: { name: 'tasks', key: 'a.jsonl' } },
    { kind: 'text', name: 'a.jsonl', text: '{}' },
  ],
  [
    'a SynthesisJob that is done',
    { synthesisJob: { name: 'done' } },
    { kind: 'digest', digest: DIGEST },
  ],
])('%s is handed on', async (_name, tasks, body) => {
  expect(await readTaskSource(cluster(), 'runs', tasks, signal)).toEqual({ kind: 'source', body });
});

test('ClawTasks are selected by the server and handed on in the order of their names', async () => {
  const asked: string[] = [];
  const tasks = { selector: { matchLabels: { suite: 'x' } } };
  const found = await readTaskSource(cluster(asked), 'runs', tasks, signal);
  expect(asked).toEqual(['/apis/clawgym.io/v1alpha1/namespaces/runs/clawtasks suite=x']);
  if (found.kind !== 'source' || found.body.kind !== 'tasks') throw new Error('no tasks');
  expect(found.body.tasks.map(({ name }) => name)).toEqual(['a', 'b']);
});

test.each<[string, TaskSource, string, RegExp]>([
  [
    'no such ConfigMap',
    { configMap: { name: 'other', key: 'a' } },
    'SourceNotFound',
    /no ConfigMap runs\/other; create it/,
  ],
  [
    'no such key',
    { configMap: { name: 'tasks', key: 'b' } },
    'SourceNotFound',
    /has no key "b"; it has a.jsonl/,
  ],
  [
    'no such ClawTask',
    { selector: { matchLabels: { suite: 'none' } } },
    'SourceNotFound',
    /no ClawTask of namespace runs has the labels suite=none; see: kubectl get clawtasks/,
  ],
  [
    'a SynthesisJob that has failed',
    { synthesisJob: { name: 'failed' } },
    'SourceRefused',
    /SynthesisJob runs\/failed has failed: 0 of 24 tasks; see: kubectl describe synthesisjob\/failed --namespace runs; make a new one/,
  ],
  [
    'a SynthesisJob that is going',
    { synthesisJob: { name: 'leaving' } },
    'SourceNotFound',
    /SynthesisJob runs\/leaving is being deleted; see: .*; name another source/,
  ],
  [
    'no such SynthesisJob',
    { synthesisJob: { name: 'other' } },
    'SourceNotFound',
    /SynthesisJob runs\/other does not exist; create it, and see: kubectl get synthesisjob /,
  ],
  ['a path', { path: './tasks' }, 'SourceUnsupported', /spec.tasks.path is a path of your own/],
])('%s is a problem with its next step', async (_name, tasks, reason, message) => {
  expect(await readTaskSource(cluster(), 'runs', tasks, signal)).toEqual({
    ...{ kind: 'problem', reason, message: expect.stringMatching(message) },
  });
});

test.each([
  ['goes on', 'going', false, 'is not complete yet, Running: 3 of 24 tasks; see: kubectl'],
  ['does not go on by itself', 'stalled', true, 'does not go on: there is no Secret author; see'],
])('a SynthesisJob that %s is waited for', async (_case, name, held, words) => {
  const tasks = { synthesisJob: { name } };
  expect(await readTaskSource(cluster(), 'runs', tasks, signal)).toEqual({
    ...{ kind: 'waiting', held },
    message: expect.stringContaining(`SynthesisJob runs/${name} ${words}`),
  });
});

test('a selector as the API server reads it', () => {
  const matchExpressions = [
    { key: 'a', operator: 'In' as const, values: ['x', 'y'] },
    { key: 'b', operator: 'NotIn' as const, values: ['z'] },
    { key: 'c', operator: 'Exists' as const },
    { key: 'd', operator: 'DoesNotExist' as const },
  ];
  expect(selectorText({ matchLabels: { e: 'f' }, matchExpressions })).toBe(
    'e=f,a in (x,y),b notin (z),c,!d',
  );
});
