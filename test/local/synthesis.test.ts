import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { scriptedModels } from '../../examples/full-circle/scripted-models.ts';
import { zRecordOverview } from '../../src/synthesis/record-overview.ts';
import { zSynthesisSummary } from '../../src/synthesis/summary.ts';
import { openTaskSet } from '../../src/tasks/set/open-task-set.ts';
import { clawgym, ROOT } from '../support/cli-process.ts';
import { tempDir } from '../support/temp-dir.ts';

const EXAMPLE = readFileSync(join(ROOT, 'examples/full-circle/00-practice.yaml'), 'utf8');

interface Bed {
  readonly manifest: string;
  readonly out: string;
  /** Base URL of the scripted models. */
  readonly models: string;
}

async function folderWith(target: number): Promise<Bed> {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const server = scriptedModels().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const manifest = join(dir.path, 'synthesis.yaml');
  writeFileSync(manifest, EXAMPLE.replace(/target: \d+/, `target: ${target}`));
  const models = `http://127.0.0.1:${address.port}/v1`;
  return { manifest, out: join(dir.path, 'practice'), models };
}

it('makes tasks that lead back to their seed, and does nothing twice', async () => {
  const { manifest, out, models } = await folderWith(2);
  const where = ['--out', out, '--base-url', models];
  const args = ['run', '-f', manifest, ...where, '-o', 'json'];
  const first = await clawgym(...args);
  expect(first.code, first.stderr).toBe(0);
  const summary = zSynthesisSummary.parse(JSON.parse(first.stdout));
  expect(summary).toMatchObject({ accepted: 2, records: 2, ended: 'TargetReached', calls: 8 });
  const file = join(out, 'task-set.tar');
  const set = await openTaskSet(file, AbortSignal.timeout(10_000));
  onTestFinished(() => set.close());
  expect(set.digest).toBe(summary.taskSet);
  for (const { task } of set.tasks) {
    expect(task.cluster).toMatch(/^(?:persona|skill)\/./);
    expect(task.provenance).toMatchObject({ format: 'synthesis', job: 'practice', seed: 7 });
    expect(task.provenance['calls']).toHaveLength(4);
    expect(task.provenance['gates']).toContain('CheatsPassed: Passed');
  }
  const before = statSync(join(out, 'store/records.sqlite')).size;
  const second = await clawgym(...args);
  expect(JSON.parse(second.stdout)).toEqual(summary);
  expect(statSync(join(out, 'store/records.sqlite')).size).toBe(before);

  const records = await clawgym('synthesis', 'records', 'practice', '--out', out, '-o', 'json');
  expect(z.array(zRecordOverview).parse(JSON.parse(records.stdout))).toMatchObject(
    set.tasks.map(({ digest }, at) => ({
      ...{ number: at + 1, outcome: 'accepted', calls: 4, task: digest },
    })),
  );
  const shown = await clawgym('synthesis', 'show', 'practice', 'practice-0001', '--out', out);
  expect(shown.stdout).toContain(`Task:         practice-0001 (sha256:${set.tasks[0]?.digest}`);
  expect(shown.stdout.match(/^ {2}.* generator .* 200 /gm)).toHaveLength(3);
  const listed = await clawgym('tasks', 'show', 'synthesisjob/practice', '--from', out);
  expect(listed.stdout).toMatch(/^ID .*\npractice-0001 .*\npractice-0002 /);

  const bench = join(out, '..', 'bench');
  const batch = `${out}.bench.yaml`;
  writeFileSync(batch, BATCH);
  const run = await clawgym('run', '-f', batch, '--out', bench, '-o', 'json');
  expect(run.code, run.stderr).toBe(0);
  expect(JSON.parse(run.stdout)).toMatchObject({ arms: [{ mean: { final: 1 } }] });
});

const BATCH = `
apiVersion: clawgym.io/v1alpha1
kind: RolloutBatch
metadata: {name: solve}
spec:
  tasks: {synthesisJob: {name: practice}}
  agent: {name: solution}
`;

it('refuses another specification in the same folder, and a set that is not made yet', async () => {
  const { manifest, out, models } = await folderWith(1);
  const where = ['--out', out, '--base-url', models];
  const text = readFileSync(manifest, 'utf8');
  expect((await clawgym('run', '-f', manifest, ...where)).code).toBe(0);
  writeFileSync(manifest, text.replace('seed: 7', 'seed: 8'));
  const other = await clawgym('run', '-f', manifest, ...where);
  expect(other.code).not.toBe(0);
  expect(other.stderr).toContain('name another folder with --out');
  const batch = `${out}.bench.yaml`;
  writeFileSync(batch, BATCH.replace('practice', 'absent'));
  const early = await clawgym('run', '-f', batch, '--out', join(out, '..', 'bench'));
  expect(early.stderr).toContain('SynthesisJob "absent"');
});

it.each([
  ['personas: {source: {path: none.jsonl}}', 'none.jsonl cannot be read'],
  ['personas: {count: 100000}', 'lower it'],
])('leaves nothing of a job whose routes are %s', async (route, message) => {
  const { manifest, out, models } = await folderWith(1);
  const text = readFileSync(manifest, 'utf8');
  writeFileSync(manifest, text.replace(/routes:\n(?: {4}.*\n)+/, `routes: {${route}}\n`));
  const { code, stdout, stderr } = await clawgym(
    ...['run', '-f', manifest, '--out', out, '--base-url', models],
  );
  expect({ code, stdout, stderr }).toMatchObject({
    ...{ code: 1, stdout: '' },
    stderr: expect.stringContaining(message) as string,
  });
  expect(existsSync(out)).toBe(false);
});
