import { expect, test } from 'vitest';
import { exampleTask } from '../../test/support/example-task.ts';
import { MemoryArtifacts } from '../../test/support/memory-artifacts.ts';
import { asSha256, type Sha256 } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { sharedTasks, taskPrint, trainedTaskSets } from './contamination.ts';

const digest = (pair: string): Sha256 => asSha256(pair.repeat(32));
const [A, B, C] = [digest('aa'), digest('bb'), digest('cc')];

async function model(
  artifacts: MemoryArtifacts,
  record: { readonly parents?: Sha256[]; readonly data?: Sha256; readonly taskSet?: Sha256 },
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

test('what a model learned from is that of all that it was made from', async () => {
  const artifacts = new MemoryArtifacts();
  const batches = [{ id: 'a', taskSet: B }];
  const data = (await artifacts.put(Buffer.from(canonicalJson({ batches })))).digest;
  const base = await model(artifacts, {});
  const sft = await model(artifacts, { parents: [base], data });
  const rl = await model(artifacts, { parents: [sft], taskSet: C });
  expect([...(await trainedTaskSets(base, artifacts))]).toEqual([]);
  expect([...(await trainedTaskSets(rl, artifacts))].toSorted()).toEqual([B, C]);
});

test('a task is known again by its bytes, and by its words however they are spaced', async () => {
  const { task } = await exampleTask('log-triage');
  const turns = task.instruction.turns.map((turn) => ({
    ...turn,
    text: turn.text.toUpperCase().replaceAll(' ', '\n '),
  }));
  const same = { ...task, id: 'other', instruction: { turns } };
  const print = taskPrint(task, A);
  expect(sharedTasks([taskPrint(same, B)], [print])).toHaveLength(1);
  expect(sharedTasks([{ ...print, id: 'x', words: C }], [print])).toHaveLength(1);
  expect(sharedTasks([{ ...print, digest: B, words: C }], [print])).toEqual([]);
});
