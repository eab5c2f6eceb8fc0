import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { silentLogger } from '../base/logger.ts';
import { loadTasks } from './load-tasks.ts';
import { readManifests } from './manifest/read-manifests.ts';
import { localTasks } from './request-from-manifest.ts';

const SAMPLE = resolve(import.meta.dirname, '../../deploy/samples/quickstart');

test('the sample of a cluster gives its tasks here too, and leaves no file behind', async () => {
  await using dir = await tempDir();
  vi.stubEnv('TMPDIR', dir.path);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
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
    expect(readdirSync(dir.path)).toHaveLength(1);
  }
  expect(readdirSync(dir.path)).toEqual([]);
});
