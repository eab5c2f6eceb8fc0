import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clawgym, EXAMPLES, ROOT, resultsOf, startClawgym } from '../support/cli-process.ts';
import { fakeModel, fakePython } from '../support/training-bed.ts';

/** The local commands of training, with a trainer that only plays one (test/support/fake-trainer.ts). */
const scratch = mkdtempSync(join(tmpdir(), 'clawgym-cli-training-'));
/** Of the first two tests: the second reads what the first trained. */
let work = '';
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const object = (kind: string, name: string, spec: object) => ({
  ...{ apiVersion: 'clawgym.io/v1alpha1', kind },
  metadata: { name },
  spec,
});
const sft = (name: string, part: object = {}) =>
  object('TrainingRun', name, {
    base: { path: 'base' },
    data: { from: { batches: ['teacher'] } },
    hyper: { maxSteps: 6 },
    checkpoint: { everySteps: 1, graceSeconds: 5 },
    ...part,
  });
const DATA = { artifact: 'ab'.repeat(32) };
const TEACHER = object('RolloutBatch', 'teacher', {
  tasks: { path: EXAMPLES, taskIds: ['log-triage', 'contact-split'] },
  agent: { name: 'pi' },
  model: { name: 'm', recording: { path: join(ROOT, 'examples/recordings/pi.jsonl') } },
});

/** Beside the folders of the other runs, and of no earlier try of the test. */
const fresh = (name: string): string => join(work, `${name}-${randomUUID().slice(0, 8)}`);

function manifest(name: string, ...objects: readonly object[]): string {
  const file = join(scratch, `${name}.yaml`);
  writeFileSync(file, objects.map((each) => JSON.stringify(each)).join('\n---\n'));
  return file;
}

async function trainWith(fault = ''): Promise<void> {
  process.env['CLAWGYM_TRAINER_PYTHON'] = await fakePython(scratch, fault);
}
const modelIn = (stdout: string): string => /[0-9a-f]{64}/.exec(stdout)?.[0] ?? stdout;

beforeAll(async () => {
  await fakeModel(join(scratch, 'base'));
  await trainWith();
});

test('a manifest runs in the order of what its objects name, and the model knows its lineage', async () => {
  work = mkdtempSync(join(scratch, 'work-'));
  const more = sft('more', { base: { trainingRun: { name: 'sft' } } });
  const file = manifest('circle', more, sft('sft'), TEACHER);
  const { code, stdout, stderr } = await clawgym('run', '-f', file, '--out', work);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stderr).toContain('warning: 1 of the 2 rows that were trained on are longer than context');
  const said = stderr.split('\n').filter((line) => /^\d\/\d [A-Z]/.test(line));
  expect(said).toEqual(['1/3 RolloutBatch teacher', '2/3 TrainingRun sft', '3/3 TrainingRun more']);
  const list = await clawgym('models', 'list', '--out', work, '-o', 'json');
  const models = JSON.parse(list.stdout) as { digest: string; from: { name: string } }[];
  expect(models.map(({ from }) => from.name)).toEqual(['sft', 'more']);
  expect(stdout).toContain(models[1]?.digest);
  const shown = await clawgym('models', 'show', 'more', '--out', work, '-o', 'json');
  expect(JSON.parse(shown.stdout)).toMatchObject({
    record: { run: 'more', parents: [models[0]?.digest], data: expect.stringMatching(/^\w{64}$/) },
  });
  const to = join(work, 'exported');
  expect(await clawgym('models', 'export', 'sft', to, '--out', work)).toMatchObject({ code: 0 });
  expect(readdirSync(to)).toContain('model.safetensors');
  // Everything is there: nothing runs again.
  const again = await clawgym('run', '-f', file, '--out', work);
  expect(again.stdout).toContain(models[1]?.digest);
  expect(readFileSync(join(work, 'sft/trainer/out/starts'), 'utf8')).toBe('0\n');
});

test('a bench of a trained model says which of its tasks the model was trained on', async () => {
  const tasks = { path: EXAMPLES, taskIds: ['log-triage', 'contact-split', 'restock-plan'] };
  const arm = (name: string, model: object) => ({
    ...{ name, agent: { name: 'command', command: ['true'] }, model: { name, ...model } },
  });
  const recording = { path: join(ROOT, 'examples/recordings/pi.jsonl') };
  const arms = [arm('more', { trainingRun: { name: 'more' } }), arm('other', { recording })];
  const file = manifest('bench', object('BenchRun', 'bench', { tasks, arms }));
  const out = join(work, 'bench');
  rmSync(out, { recursive: true, force: true });
  const { code, stdout, stderr } = await clawgym('run', '-f', file, '--out', out);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stdout).toContain('trained on tasks of this run, of 3: more 2\n');
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('Trained on tasks of this run');
  const [more, other] = resultsOf(out).arms;
  expect(more?.training).toEqual({ shared: ['contact-split', 'log-triage'], unread: [] });
  expect(other?.training).toBeNull();
});

test('kill -9 of the command ends its trainer too, and the same command goes on from a checkpoint', async () => {
  const file = manifest('killed', sft('killed'));
  const out = fresh('killed');
  await trainWith('slow:300');
  const running = startClawgym('run', '-f', file, '--out', out);
  const checkpoint = join(out, 'trainer/out/checkpoints/step-2');
  await expect.poll(() => existsSync(checkpoint), { timeout: 30_000 }).toBe(true);
  running.child.kill('SIGKILL');
  await running.ended;
  await trainWith();
  const { code, stdout } = await clawgym('run', '-f', file, '--out', out);
  expect(code).toBe(0);
  const [first, second] = readFileSync(join(out, 'trainer/out/starts'), 'utf8').split('\n');
  expect([first, Number(second) >= 2]).toEqual(['0', true]);
  // The name of the run is part of its model's record: the same run elsewhere is the one to compare with.
  const whole = await clawgym('run', '-f', file, '--out', fresh('whole'));
  expect(modelIn(whole.stdout)).toBe(modelIn(stdout));
});

test('Ctrl-C lets the trainer write a checkpoint, and says how to go on', async () => {
  const file = manifest('stopped', sft('stopped', { checkpoint: { everySteps: 100 } }));
  const out = fresh('stopped');
  await trainWith('slow:300');
  const running = startClawgym('run', '-f', file, '--out', out);
  const metrics = join(out, 'trainer/out/metrics.jsonl');
  await expect.poll(() => existsSync(metrics), { timeout: 30_000 }).toBe(true);
  running.child.kill('SIGINT');
  const { code, stderr } = await running.ended;
  await trainWith();
  expect({ code, stderr }).toMatchObject({
    code: 130,
    stderr: expect.stringContaining(
      'run the same command again to go on from its newest',
    ) as string,
  });
  expect(readdirSync(join(out, 'trainer/out/checkpoints'))).toEqual([
    'latest',
    expect.stringMatching(/^step-\d+$/),
  ]);
});

const RL = {
  ...{ steps: 2, groups: { perStep: 1, samples: 2 } },
  tasks: { path: EXAMPLES, taskIds: ['log-triage'] },
  ...{ agent: { name: 'command', command: ['true'] }, sampling: { temperature: '1', topP: '1' } },
};

test('what evaluations of reinforcement found is in its output and in the record of its model', async () => {
  const tasks = { path: EXAMPLES, taskIds: ['contact-split', 'restock-plan'] };
  const rl = { ...RL, evaluation: { everySteps: 1, samples: 1, tasks } };
  const file = manifest(
    'rl',
    object('TrainingRun', 'rl', { base: { path: 'base' }, rl, hyper: {} }),
  );
  const place = mkdtempSync(join(scratch, 'rl-'));
  const { code, stdout, stderr } = await clawgym('run', '-f', file, '--out', join(place, 'rl'));
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stderr).toContain('evaluation after step 1 (policy 0): score 0.000 (2 of 2 rollouts)\n');
  const said =
    /^EVALUATION +SCORE +95% INTERVAL +N\n(after step \d +0\.0000 +0\.0000-0\.6576 +2\n){2}/m;
  expect(stdout).toMatch(said);
  const shown = await clawgym('models', 'show', 'rl', '--out', place);
  expect(shown.stdout).toMatch(said);
  const json = await clawgym('models', 'show', 'rl', '--out', place, '-o', 'json');
  const found = { n: 2, score: '0.0000', scoreLow: '0.0000', scoreHigh: '0.6576' };
  expect(JSON.parse(json.stdout)).toMatchObject({
    record: {
      evaluations: [
        { step: 1, ...found },
        { step: 2, ...found },
      ],
    },
  });
});

test('reinforcement that its trainer ends says what the trainer said, and where its log is', async () => {
  const rl = { ...RL, steps: 1 };
  const spec = { base: { path: 'base' }, rl, hyper: {}, retries: { failures: 0 } };
  await trainWith('exit@0:2');
  const file = manifest('rl', object('TrainingRun', 'rl', spec));
  const { code, stderr } = await clawgym('run', '-f', file, '--out', fresh('rl'));
  await trainWith();
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /TrainingRun rl: BadInput: .*exit code 2.* The trainer said: told to end with 2\. Its log is \S+trainer\.log/,
    ) as string,
  });
});

test.each<[string, readonly object[], string]>([
  [
    'no batch',
    [sft('a', { data: { from: { batches: ['x'] } } })],
    'names RolloutBatch or BenchRun',
  ],
  [
    'two that wait for each other',
    [
      sft('a', { base: { trainingRun: { name: 'b' } }, data: DATA }),
      sft('b', { base: { trainingRun: { name: 'a' } }, data: DATA }),
    ],
    'wait for each other: TrainingRun a -> TrainingRun b -> TrainingRun a',
  ],
  ['a pause', [sft('a', { suspend: true })], 'spec.suspend is true'],
])('is refused in one line: %s', async (_, objects, message) => {
  const file = manifest('refused', ...objects);
  const { code, stderr } = await clawgym('run', '-f', file, '--out', fresh('refused'));
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
});

test('a model is imported once, shown by the start of its digest, and refused where it is none', async () => {
  const out = fresh('imports');
  const first = await clawgym('models', 'import', join(scratch, 'base'), '--out', out);
  expect(first.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  expect((await clawgym('models', 'import', join(scratch, 'base'), '--out', out)).stdout).toBe(
    first.stdout,
  );
  const start = modelIn(first.stdout).slice(0, 8);
  const shown = await clawgym('models', 'show', start, '--out', out);
  expect(shown.stdout).toContain('none: imported');
  const none = await clawgym('models', 'show', 'x', '--out', out);
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('"x" is no model of') });
});
