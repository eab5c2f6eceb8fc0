import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../base/logger.ts';
import { loadTasks } from './load-tasks.ts';
import { readManifests } from './manifest/read-manifests.ts';
import { localTasks } from './request-from-manifest.ts';

const SAMPLE = resolve(import.meta.dirname, '../../deploy/samples/quickstart');

test('the sample of a cluster gives its tasks here too, and leaves no file behind', async () => {
  const before = new Set(readdirSync(tmpdir()));
  const read = await readManifests(SAMPLE);
  const foreign = read.flatMap(({ manifest }) => manifest.foreign);
  const request = localTasks(
    { configMap: { name: 'example-tasks', key: 'tasks.jsonl' }, taskIds: ['log-triage'] },
    [],
    `${SAMPLE}/benchrun.yaml`,
    { out: '/nowhere', foreign },
  );
  {
    await using tasks = await loadTasks(request, silentLogger, new AbortController().signal);
    expect(tasks.whole.tasks).toHaveLength(12);
    expect(tasks.set.tasks.map(({ task }) => task.id)).toEqual(['log-triage']);
  }
  const left = readdirSync(tmpdir()).filter(
    (name) => name.startsWith('clawgym-tasks-') && !before.has(name),
  );
  expect(left).toEqual([]);
});
