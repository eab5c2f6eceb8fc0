import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DIGEST, sampleClawTask } from '../../../test/support/sample-objects.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { type ClawTask, clawTask } from '../../api/claw-task.ts';
import { type LoadTaskSetOptions, loadClawTasks, loadTaskSet } from '../load-task-set.ts';

const options: LoadTaskSetOptions = {
  scanAgentCode: () => 'none',
  signal: new AbortController().signal,
};

const load = (...objects: unknown[]) =>
  loadClawTasks(
    objects.map((object): ClawTask => clawTask.schema.parse(object)),
    'tasks.yaml',
    options,
  );

const minimal = (name: string, task: object = {}) => ({
  apiVersion: 'clawgym.io/v1alpha1',
  kind: 'ClawTask',
  metadata: { name },
  spec: {
    task: {
      instruction: { turns: [{ text: 'Edit a.txt' }] },
      verifier: { dialect: 'check-json', entry: 'c.py', files: [{ path: 'c.py', text: '' }] },
      ...task,
    },
  },
});

test.each([
  ['check-json', 'child', 'child'],
  ['pinchbench', 'child', 'child'],
  ['reward-sh', 'child', 'in-process'],
  ['harbor', 'child', 'in-process'],
  ['harbor', 'none', 'none'],
] as const)('a %s verifier that the scan finds %s is %s', async (dialect, scanned, expected) => {
  const verifier = { dialect, entry: 'v', files: [{ path: 'v', text: '' }] };
  const object = clawTask.schema.parse(minimal('a', { verifier }));
  const asked: string[] = [];
  const { set } = await loadClawTasks([object], 'tasks.yaml', {
    ...options,
    scanAgentCode: (_files, of) => {
      asked.push(of);
      return scanned;
    },
  });
  expect(asked).toEqual([dialect]);
  expect(set.tasks[0]?.task.verifier?.agentCode).toBe(expected);
});

test('a fault of a manifest names its file once, with line and field', async () => {
  await using dir = await tempDir();
  const file = join(dir.path, 'bad.yaml');
  await writeFile(file, `# tasks\n---\n${JSON.stringify(minimal('Bad_Name'))}\n---\n&a [*a]\n`);
  const { problems } = await loadTaskSet(file, options);
  expect(problems.map(({ message }) => message)).toEqual([
    expect.stringMatching(
      /^bad\.yaml: line 2 \(document 1, ClawTask\/Bad_Name\): metadata\.name: got/,
    ),
    expect.stringMatching(/^bad\.yaml: line 4 \(document 2\): .* or holds an alias of itself$/),
  ]);
});

test('every field of a ClawTask reaches the task', async () => {
  const { set, problems } = await load(sampleClawTask());
  expect(problems).toEqual([]);
  const task = set.tasks[0]?.task;
  expect(task).toMatchObject({
    id: 'Rename_photos.v2',
    instruction: {
      turns: [
        { text: 'Rename the photos by date.', newSession: false },
        { text: 'Go on.', newSession: true },
      ],
    },
    workspace: {
      path: '/workspace',
      inputs: [
        { path: 'in/list.csv', mode: 'protected', size: 4, executable: false },
        { path: 'in/photo.jpg', mode: 'editable', size: 5 },
      ],
    },
    outputs: [
      { path: 'out/list.csv', format: 'csv', orderMatters: true, numericTolerance: '0.01' },
    ],
    verifier: { dialect: 'check-json', entry: 'check.py', env: { LANG: 'C.UTF-8' } },
    rubric: [
      {
        name: 'tidy',
        text: 'The names are tidy.',
        anchors: { '0': 'a', '0.25': 'b', '0.5': 'c', '0.75': 'd', '1': 'e' },
        weight: '1',
      },
    ],
    weights: { code: '0.6', rubric: '0.4' },
    solution: { script: 'solve.sh', files: [{ path: 'solve.sh', executable: true }] },
    environment: {
      network: 'none',
      limits: { memoryMiB: 512 },
      needs: ['pdf'],
      env: { A: '1' },
    },
    timeouts: { agentSeconds: 600, verifierSeconds: 60 },
    category: 'files',
  });
  const photo = task?.workspace.inputs[1]?.digest;
  expect(photo && Buffer.from(await set.blobs.read(photo)).toString()).toBe('hello');
});

test('an absent id is the name, and an absent list of outputs is read from the instruction', async () => {
  const text = 'Write out/b.csv';
  const { set } = await load(minimal('by-name', { instruction: { turns: [{ text }] } }));
  expect(set.tasks[0]?.task.id).toBe('by-name');
  expect(set.tasks[0]?.task.outputs).toMatchObject([{ path: 'out/b.csv', format: 'csv' }]);
});

test('the mode that the object gives wins over what the instruction sounds like', async () => {
  const inputs = (mode: string) => ({
    workspace: { inputs: [{ path: 'a.txt', text: 'x', mode }] },
  });
  const { set } = await load(
    minimal('one', inputs('protected')),
    minimal('two', inputs('editable')),
  );
  expect(set.tasks.map(({ task }) => task.workspace.inputs[0]?.mode)).toEqual([
    'protected',
    'editable',
  ]);
});

test.each([
  [
    'a reference to a stored task set',
    { ...minimal('x'), spec: { taskSetRef: { digest: DIGEST, taskId: 'a' } } },
    /^tasks.yaml, task "x": spec.taskSetRef: task a of the stored task set 0123456789ab .*spec.task$/,
  ],
  [
    'base64 that is cut',
    minimal('x', { workspace: { inputs: [{ path: 'a', base64: 'aGVsbG8', mode: 'protected' }] } }),
    /^tasks.yaml, task "x", field spec.task.workspace.inputs\[0\].base64: got "aGVsbG8"/,
  ],
  [
    'an entry that is no file',
    minimal('x', {
      verifier: { dialect: 'check-json', entry: 'd.py', files: [{ path: 'c.py', text: '' }] },
    }),
    /^tasks.yaml, task "x", field verifier.entry: got "d.py"/,
  ],
])('%s is refused, and the other task is taken', async (_name, object, message) => {
  const { set, problems, refused } = await load(object, minimal('good'));
  expect(refused).toBe(1);
  expect(problems.map((problem) => problem.message)).toEqual([expect.stringMatching(message)]);
  expect(set.tasks.map(({ task }) => task.id)).toEqual(['good']);
});

test('two objects with one id are refused', async () => {
  const { problems } = await load(minimal('a', { id: 'same' }), minimal('b', { id: 'SAME' }));
  expect(problems).toMatchObject([{ field: 'task_id' }]);
});

test('a manifest file is a source of tasks; its runs are none, its faults are named', async () => {
  await using dir = await tempDir();
  const file = join(dir.path, 'tasks.yaml');
  const run = { apiVersion: 'clawgym.io/v1alpha1', kind: 'BenchRun', metadata: { name: 'r' } };
  await writeFile(
    file,
    [minimal('good'), run].map((object) => JSON.stringify(object)).join('\n---\n'),
  );
  const { set, format, problems } = await loadTaskSet(file, options);
  expect([format, set.tasks.map(({ task }) => task.id)]).toEqual(['manifest', ['good']]);
  expect(problems.map(({ message }) => message)).toEqual([
    expect.stringMatching(/tasks.yaml:.*BenchRun\/r\): spec/),
  ]);
  expect((await load(minimal('good'))).set.digest).toBe(set.digest);
});
