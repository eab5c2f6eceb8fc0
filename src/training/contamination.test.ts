import { expect, test } from 'vitest';
import { exampleTask } from '../../test/support/example-task.ts';
import { MemoryArtifacts } from '../../test/support/memory-artifacts.ts';
import { asSha256, type Sha256 } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { sharedTasks, taskPrint, trainedOn, trainingOverlap } from './contamination.ts';

const digest = (pair: string): Sha256 => asSha256(pair.repeat(32));
const [A, B, C] = [digest('aa'), digest('bb'), digest('cc')];

async function model(
  artifacts: MemoryArtifacts,
  record: {
    readonly parents?: Sha256[];
    readonly data?: Sha256;
    readonly taskSet?: Sha256;
    readonly tasks?: Sha256[];
  },
): Promise<Sha256> {
  const manifest = {
    ...{ format: 'model/v1', kind: 'full' },
    files: [{ path: 'config.json', digest: A, bytes: 2 }],
    template: { path: 'chat_template.jinja', sha256: A },
    tokenizer: { sha256: A },
    record: { versions: {}, parents: [], ...record },
  };
  return (await artifacts.put(Buffer.from(canonicalJson(manifest)))).digest;
}

const exportOf = async (artifacts: MemoryArtifacts, more: object = {}): Promise<Sha256> => {
  const manifest = { batches: [{ id: 'a', taskSet: B }], ...more };
  return (await artifacts.put(Buffer.from(canonicalJson(manifest)))).digest;
};

test('what a model learned from is that of all that it was made from', async () => {
  const artifacts = new MemoryArtifacts();
  const data = await exportOf(artifacts, { splits: { train: { taskDigests: [A] } } });
  const base = await model(artifacts, {});
  const sft = await model(artifacts, { parents: [base], data });
  const rl = await model(artifacts, { parents: [sft], taskSet: C, tasks: [B] });
  expect(await trainedOn(base, artifacts)).toEqual({ tasks: [], unread: [] });
  expect(await trainedOn(rl, artifacts)).toEqual({
    tasks: [
      { taskSet: C, only: new Set([B]) },
      { taskSet: B, only: new Set([A]) },
    ],
    unread: [],
  });
});

test('where nothing says which tasks of a set were used, all of them count', async () => {
  const artifacts = new MemoryArtifacts();
  const sft = await model(artifacts, { data: await exportOf(artifacts) });
  const rl = await model(artifacts, { parents: [sft], taskSet: C });
  const { tasks } = await trainedOn(rl, artifacts);
  expect(tasks).toEqual([
    { taskSet: C, only: undefined },
    { taskSet: B, only: undefined },
  ]);
});

test('what is not at hand of the past of a model is named', async () => {
  const artifacts = new MemoryArtifacts();
  const strange = await artifacts.put(Buffer.from('{"rows":1}'));
  const sft = await model(artifacts, { parents: [A], data: strange.digest });
  const rl = await model(artifacts, { parents: [sft], data: B, taskSet: C });
  const { tasks, unread } = await trainedOn(rl, artifacts);
  expect(tasks).toEqual([{ taskSet: C, only: undefined }]);
  expect(unread.toSorted()).toEqual([A, B, strange.digest].toSorted());
});

test('a task is known again by its bytes, and by its words however they are spaced', async () => {
  const { task } = await exampleTask('log-triage');
  const turns = task.instruction.turns.map((turn) => ({
    ...turn,
    text: turn.text.toUpperCase().replaceAll(' ', '\n '),
  }));
  const same = { ...task, id: 'other', instruction: { turns } };
  const print = taskPrint({ task, digest: A });
  expect(sharedTasks([taskPrint({ task: same, digest: B })], [print])).toHaveLength(1);
  expect(sharedTasks([{ ...print, id: 'x', words: C }], [print])).toHaveLength(1);
  expect(sharedTasks([{ ...print, digest: B, words: C }], [print])).toEqual([]);
});

test('a run learns which of its tasks a model knows, and which sets could not be read', async () => {
  const artifacts = new MemoryArtifacts();
  const known = { ...(await exampleTask('log-triage')), digest: A };
  const other = { ...(await exampleTask('contact-split')), digest: B };
  const rl = await model(artifacts, { taskSet: C, tasks: [A] });
  const tasksOf = (set: Sha256) =>
    set === C ? Promise.resolve([known, other]) : Promise.reject(new Error('not there'));
  const suite = [known, other];
  expect(await trainingOverlap(rl, suite, { artifacts, tasksOf })).toEqual({
    shared: [known.task.id],
    unread: [],
  });
  const lost = await model(artifacts, { parents: [rl], taskSet: B });
  expect(await trainingOverlap(lost, suite, { artifacts, tasksOf })).toEqual({
    shared: [known.task.id],
    unread: [B],
  });
});
