import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { packedExample, setOfRows } from '../../../test/support/import-files.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { sha256 } from '../../base/digest.ts';
import { TaskSetImports } from './task-set-imports.ts';
import type { TaskSetShelf } from './task-set-shelf.ts';

/** @param atWork runs while a set is in memory */
async function someImports(atWork: () => Promise<void> = () => Promise.resolve()) {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const store: TaskSetShelf['store'] = async (tasks, blobs) => {
    await atWork();
    return { digest: sha256(''), tasks, blobs };
  };
  const scratch = join(dir.path, 'sources');
  let names = 0;
  const newName = (): string => {
    names += 1;
    return String(names);
  };
  const deps = { shelf: { store } as TaskSetShelf, scratch, newName };
  return { scratch, imports: new TaskSetImports(deps, new AbortController().signal) };
}

it('sets of different pods are in memory one after the other', async () => {
  let [now, most] = [0, 0];
  const { imports } = await someImports(async () => {
    now += 1;
    most = Math.max(most, now);
    for (let turn = 0; turn < 1000; turn += 1) await setImmediate();
    now -= 1;
  });
  const { bytes } = await packedExample('log-triage');
  const pods = ['pod-1', 'pod-2', 'pod-3'];
  const all = await Promise.all(pods.map((pod) => imports.take(pod, Readable.from([bytes]))));
  expect(all).toHaveLength(3);
  expect(most).toBe(1);
});

it('an upload that is slow keeps no other pod waiting', async () => {
  const { imports } = await someImports();
  const { bytes } = await packedExample('log-triage');
  const slow = new Readable({ read: () => undefined });
  const first = imports.take('pod-1', slow);
  expect(await imports.take('pod-2', Readable.from([bytes]))).toMatchObject({ tasks: 1 });
  slow.push(bytes);
  slow.push(null);
  expect(await first).toMatchObject({ tasks: 1 });
});

it.each([
  ['rows', Buffer.alloc(32 * 1024 ** 2 + 1, 0x20), 'at most 33554432 are read'],
  ['tasks', Buffer.from('{}\n'.repeat(10_001)), '10001 tasks, at most 10000 are read'],
])(
  'a set of too many %s is refused unparsed, with the limit and what to do',
  async (_case, rows, why) => {
    const { imports, scratch } = await someImports();
    const refused = await imports.take('pod-1', Readable.from([setOfRows(rows)])).catch(String);
    expect(refused).toContain(why);
    expect(refused).toContain('split the tasks');
    expect(refused).not.toContain(scratch);
    expect(await readdir(scratch)).toEqual([]);
  },
);
