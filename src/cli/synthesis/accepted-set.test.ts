import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { packedExample } from '../../../test/support/import-files.ts';
import { servedSyntheses } from '../../../test/support/synthesis/served-syntheses.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { openSqliteStore } from '../../store/sqlite/open.ts';
import type { CliEnvironment } from '../environment.ts';
import { jobNamed, loadAccepted, loadPathOrJob } from './accepted-set.ts';
import { clusterReads } from './synthesis-source.ts';

const { signal } = new AbortController();
const environment: CliEnvironment = {
  ...{ cwd: '/', cacheDir: '/nowhere', interactive: false, color: false, uid: 1, env: {} },
  ...{ kubeconfig: undefined, home: '/nowhere', trainerPython: undefined },
  secret: () => undefined,
};

test('of a folder are those of its task-set file; without one it is said what makes it', async () => {
  await using dir = await tempDir();
  const out = join(dir.path, 'sums');
  const folder = join(out, 'store');
  await using store = await openSqliteStore({ folder, holder: 'test', clock: systemClock });
  await store.planSynthesis({ id: 'sums', specDigest: sha256('s'), spec: '{}', createdAt: 1 });
  const load = () => loadPathOrJob('synthesisjob/sums', { from: dir.path }, environment, signal);
  await expect(load()).rejects.toThrow(
    `it is written when the job ends with accepted tasks; run the same command again to continue it, or see why records were rejected: clawgym synthesis records sums --rejected --out ${out}`,
  );
  const { bytes, digest } = await packedExample('log-triage');
  await writeFile(join(out, 'task-set.tar'), bytes);
  const loaded = await load();
  expect([loaded.set.digest, loaded.set.tasks.length]).toEqual([digest, 1]);
  await loaded.close();
});

test('of a cluster are read by the digest that the server tells, and leave no file', async () => {
  const { as, store, artifacts } = await servedSyntheses();
  const { bytes, digest } = await packedExample('log-triage');
  await artifacts.put(bytes);
  for (const [id, result] of [
    ['with', { ended: 'TargetReached', taskSet: digest, at: 1 }],
    ['without', { ended: 'RecordsExhausted', at: 1 }],
    ['running', undefined],
  ] as const) {
    const job = { id, specDigest: digest, spec: '{}', createdAt: 1 };
    const named = { namespace: 'team-a', name: id, steering: '{}' };
    await store.synthesisRuns.planSynthesisRun(job, named);
    if (result !== undefined)
      await store.synthesisRuns.changeSynthesisRun(id, { result: JSON.stringify(result) });
  }
  await using dir = await tempDir();
  vi.stubEnv('TMPDIR', dir.path);
  onTestFinished(() => void vi.unstubAllEnvs());
  const reads = (id: string, name = id) => clusterReads(as('ada'), { id, name }, 'team-a');
  const loaded = await loadAccepted(await reads('with').tasks(), signal);
  expect([loaded.set.digest, loaded.set.tasks.length]).toEqual([digest, 1]);
  await loaded.close();
  await expect(loadAccepted(await reads('without').tasks(), signal)).rejects.toThrow(
    'clawgym synthesis records without --rejected --namespace team-a',
  );
  await expect(loadAccepted(await reads('running').tasks(), signal)).rejects.toThrow(
    'kubectl wait synthesisjob/running --for=condition=Complete',
  );
  // Bytes that are no task set, whatever the server says.
  await expect(loadAccepted(await reads('ours').tasks(), signal)).rejects.toThrow();
  await expect(reads('theirs').tasks()).rejects.toMatchObject({ code: 'Forbidden' });
  expect(await readdir(dir.path)).toEqual([]);
});

test('a path stays a path, whatever it is called', async () => {
  expect(jobNamed('synthesisjob/sums')).toBe('sums');
  expect(jobNamed('SynthesisJobs/sums')).toBe('sums');
  for (const path of ['sums', 'a/synthesisjob/sums', 'synthesisjob/sums/tasks', 'synthesisjob/'])
    expect(jobNamed(path)).toBeUndefined();
  await using dir = await tempDir();
  await mkdir(join(dir.path, 'tasks'));
  await expect(
    loadPathOrJob(dir.path, { namespace: 'team-a' }, environment, signal),
  ).rejects.toThrow('belong to synthesisjob/NAME');
});
