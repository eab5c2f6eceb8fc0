import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, test } from 'vitest';
import { clawgym, EXAMPLES, ROOT, resultsOf } from '../support/cli-process.ts';

const scratch = mkdtempSync(join(tmpdir(), 'clawgym-cli-run-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const run = (spec: object, name = 'bad') => ({
  apiVersion: 'clawgym.io/v1alpha1',
  kind: 'BenchRun',
  metadata: { name },
  spec: {
    tasks: { path: EXAMPLES, taskIds: ['log-triage'] },
    arms: [{ name: 'nop', agent: { name: 'nop' } }],
    ...spec,
  },
});
const pi = (agent: object) => {
  const model = { name: 'm', recording: { path: join(ROOT, 'examples/recordings/pi.jsonl') } };
  return { arms: [{ name: 'pi', agent: { name: 'pi', ...agent }, model }] };
};
const RUNTIME = {
  contract: 'sft/v1',
  capabilities: { methods: ['full'] },
  trainer: { image: `a@sha256:${'0'.repeat(64)}` },
};
const batch = {
  ...run({}, 'one-batch'),
  kind: 'RolloutBatch',
  spec: { tasks: { path: EXAMPLES, taskIds: ['log-triage'] }, agent: { name: 'nop' }, samples: 2 },
};

function manifest(name: string, ...objects: readonly object[]): string {
  const file = join(scratch, `${name}.yaml`);
  writeFileSync(file, objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  return file;
}

test.each<[string, readonly object[], RegExp]>([
  ['an unknown field', [run({ atempts: 2 })], /BenchRun\/bad\): spec.atempts: unknown field/],
  ['a wrong kind', [{ ...run({}), kind: 'BenchRum' }], /did you mean BenchRun\?/],
  [
    'tasks alone',
    [{ ...run({}), kind: 'TrainingRuntime', spec: RUNTIME }],
    /expected a BenchRun.*found TrainingRuntime\/bad/,
  ],
  ['no run', [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } }], /has no object of/],
  ['a suspended run', [run({ suspend: true })], /spec.suspend is true.*set it to false/],
  [
    'a ConfigMap that it does not hold',
    [run({ tasks: { configMap: { name: 'c', key: 'k' } } })],
    /no ConfigMap c, found none; put it into the same file.*spec.tasks.path/,
  ],
  [
    'a source in a cluster',
    [run({ tasks: { persistentVolumeClaim: { claimName: 'c', path: 'tasks' } } })],
    /spec.tasks.path/,
  ],
  [
    'a selector that matches nothing',
    [run({ tasks: { selector: { matchLabels: { a: 'b' } } } })],
    /spec.tasks.selector matches no ClawTask.*it holds none/,
  ],
  [
    'a model without an address',
    [
      run({
        arms: [
          {
            name: 'pi',
            agent: { name: 'pi' },
            model: { name: 'm', upstreamSecretRef: { name: 's' } },
          },
        ],
      }),
    ],
    /say where the model is with --base-url/,
  ],
  [
    'a harness version that is not here',
    [run(pi({ version: '9.9.9' }))],
    /this release runs pi \d/,
  ],
  [
    'a setting of a harness',
    [run(pi({ config: { thinking: 'low' } }))],
    /agent.config.thinking: pi has no such setting; it has contextWindow and maxTokens/,
  ],
  [
    'tasks that are not there',
    [run({ tasks: { path: './none' } })],
    /none: no such file or folder/,
  ],
])('a manifest with %s is refused and nothing is written', async (_name, objects, message) => {
  const out = join(scratch, 'refused');
  const ended = await clawgym('run', '-f', manifest('bad', ...objects), '--out', out);
  expect([ended.code, ended.stdout]).toEqual([1, '']);
  expect(ended.stderr).toMatch(message);
  expect(ended.stderr).not.toContain('This is a bug');
  expect(existsSync(out)).toBe(false);
});

it('names a manifest that is not there', async () => {
  const ended = await clawgym('run', '-f', join(scratch, 'none.yaml'));
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/^error: manifest .*none.yaml cannot be read/);
});

it('runs a RolloutBatch', async () => {
  const out = join(scratch, 'batch');
  expect(await clawgym('run', '-f', manifest('batch', batch), '--out', out)).toMatchObject({
    code: 0,
  });
  const [arm, ...rest] = resultsOf(out).arms;
  expect([rest, arm?.batch, arm?.planned, arm?.mean.final]).toEqual([[], 'one-batch-nop', 2, 0]);
});

it('runs the ClawTask that a BenchRun of the same manifest selects', async () => {
  const out = join(scratch, 'selected');
  const file = join(ROOT, 'examples/manifests/selected-tasks.yaml');
  expect(await clawgym('run', '-f', file, '--out', out)).toMatchObject({ code: 0 });
  const { arms } = resultsOf(out);
  expect(
    arms.map(({ name, mean, tasks }) => [name, mean.final, tasks.map(({ id }) => id)]),
  ).toEqual([
    ['nop', 0, ['count-open-orders']],
    ['solution', 1, ['count-open-orders']],
  ]);
});

it('stops at one bad task of a manifest, and goes on without it where that is asked', async () => {
  const tasks = join(scratch, 'tasks');
  cpSync(join(EXAMPLES, 'log-triage'), join(tasks, 'log-triage'), { recursive: true });
  mkdirSync(join(tasks, 'broken'));
  writeFileSync(join(tasks, 'broken/data_entry.json'), '{"user_query": 5}');
  const out = join(scratch, 'partly');
  const args = ['run', '-f', manifest('partly', run({ tasks: { path: './tasks' } })), '--out', out];
  const stopped = await clawgym(...args);
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toMatch(/1 tasks cannot be imported.*--skip-invalid \[InvalidTask\]/);
  const skipped = await clawgym(...args, '--skip-invalid');
  expect(skipped.code).toBe(0);
  expect(resultsOf(out).arms[0]?.planned).toBe(1);
});
