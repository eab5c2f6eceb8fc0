import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadTaskSet } from '../../src/tasks/load-task-set.ts';
import { agentCodeScanner } from '../../src/verifiers/scan-agent-code.ts';
import { sharedData } from '../support/shared-data.ts';

const data = sharedData();
const onData = test.skipIf(data === undefined);

/** Files that cannot be imported, each with the exact reason. */
const REFUSED: Readonly<Record<string, string>> = {
  task_eli5_pdf_summary:
    'task_eli5_pdf_summary.md, task "task_eli5_pdf_summary", field workspace_files[0].source: got "GPT4.pdf", expected a file below assets/ (it is missing)',
};

const load = (strictUpstream: boolean) =>
  loadTaskSet(join(data ?? '', 'pinchbench-dev'), {
    scanAgentCode: agentCodeScanner,
    signal: new AbortController().signal,
    strictUpstream,
  });

onData('all 98 PinchBench files import, or are refused with the exact reason', async () => {
  const files = (await readdir(join(data ?? '', 'pinchbench-dev/tasks'))).filter((name) =>
    /^task_.*\.md$/.test(name),
  );
  expect(files).toHaveLength(98);
  const { set, problems, refused } = await load(false);
  expect(Object.fromEntries(problems.map(({ task, message }) => [task, message]))).toEqual(REFUSED);
  expect(refused).toBe(1);
  expect(
    set.tasks
      .map(({ task }) => `${task.id}.md`)
      .concat(Object.keys(REFUSED).map((id) => `${id}.md`))
      .toSorted(),
  ).toEqual(files.toSorted());

  const tasks = set.tasks.map(({ task }) => task);
  // The refused file is one of 17 that only a judge grades.
  const count = (test: (task: (typeof tasks)[number]) => boolean): number =>
    tasks.filter(test).length;
  expect(count((task) => task.verifier !== undefined && task.rubric === undefined)).toBe(19);
  expect(count((task) => task.verifier !== undefined && task.rubric !== undefined)).toBe(62);
  expect(count((task) => task.verifier === undefined)).toBe(16);
  const turns = tasks.filter((task) => task.instruction.turns.length > 1);
  expect(
    Object.fromEntries(
      turns.map((task) => [task.id, task.instruction.turns.map(({ newSession }) => newSession)]),
    ),
  ).toEqual({
    task_iterative_code_refine: [false, false, true],
    task_second_brain: [false, false, true],
    task_session_chain_analysis: [false, false, false, false],
  });
  expect(count((task) => task.category === '')).toBe(0);
  expect(new Set(tasks.map(({ category }) => category)).has('Research')).toBe(false);
});

onData(
  'strict-upstream changes the prompt of the one file with headings in a code block',
  async () => {
    const [aware, strict] = [await load(false), await load(true)];
    const changed = aware.set.tasks
      .filter(
        ({ task }, index) =>
          task.instruction.turns[0]?.text !==
          strict.set.tasks[index]?.task.instruction.turns[0]?.text,
      )
      .map(({ task }) => task.id);
    expect(changed).toEqual(['task_polymarket_briefing']);
  },
);
