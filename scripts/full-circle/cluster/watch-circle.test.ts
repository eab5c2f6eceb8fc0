import { expect, test } from 'vitest';
import { CIRCLE } from '../circle-manifests.ts';
import { namesIn } from './circle-objects.ts';
import type { Kubectl } from './kubectl.ts';
import { watchCircle } from './watch-circle.ts';

const condition = (type: string, status: string, reason: string, message = '') => ({
  ...{ type, status, reason, message },
});
const object = (kind: string, name: string, ...conditions: object[]) => ({
  kind,
  metadata: { name, uid: `uid-${name}` },
  status: { conditions },
});
const WAITING =
  'spec.tasks.synthesisJob: SynthesisJob lab/practice is not complete yet, Running: 0 of 2 tasks are accepted; see: kubectl describe synthesisjob/practice';
const WAITS = object(
  ...(['RolloutBatch', 'teacher'] as const),
  condition('Progressing', 'True', 'Planning', 'The tasks are read and frozen.'),
  condition('Planned', 'Unknown', 'Waiting', WAITING),
);
const RUNS = object(
  ...(['RolloutBatch', 'teacher'] as const),
  condition('Progressing', 'True', 'Running', 'Agents are at work.'),
  condition('Planned', 'True', 'TaskSetFrozen', 'task set ab'),
);
const done = (kind: string, name: string) =>
  object(
    kind,
    name,
    condition('Complete', 'True', 'All', ''),
    condition('Progressing', 'False', 'Complete'),
  );
const FAILED = object('RolloutBatch', 'teacher', condition('Failed', 'True', 'Late', 'it is late'));
const NAMES = [
  { kind: 'SynthesisJob', name: 'practice' },
  { kind: 'RolloutBatch', name: 'teacher' },
];

async function watched(looks: readonly (readonly object[])[]) {
  const left = [...looks];
  const kubectl: Kubectl = async () => JSON.stringify({ items: left.shift() ?? [] });
  const said: string[] = [];
  const { signal } = new AbortController();
  const print = (line: string): void => void said.push(line.replace(/^ *\d+ s {2}/, ''));
  const ended = await watchCircle({ kubectl, names: NAMES, print, signal, lookMs: 1 }).then(
    () => 'complete',
    (thrown: Error) => thrown.message,
  );
  return { said, ended, left: left.length };
}

test('says each time once what an object waits for or does, until all are complete', async () => {
  const practice = done('SynthesisJob', 'practice');
  const others = object('RolloutBatch', 'practice-r1-nop', condition('Failed', 'True', 'x', 'y'));
  const { said, ended, left } = await watched([
    [WAITS],
    [WAITS, others],
    [practice, RUNS],
    [practice, done('RolloutBatch', 'teacher')],
  ]);
  expect([ended, left]).toEqual(['complete', 0]);
  expect(said).toEqual([
    'RolloutBatch teacher: Waiting: spec.tasks.synthesisJob: SynthesisJob lab/practice is not complete yet',
    'SynthesisJob practice: Complete',
    'RolloutBatch teacher: Running: Agents are at work.',
    'RolloutBatch teacher: Complete',
  ]);
});

test('ends where an object has failed, with its words', async () => {
  const { ended, left } = await watched([[WAITS], [FAILED], [FAILED]]);
  expect([ended, left]).toEqual(['RolloutBatch teacher has failed: Failed: it is late', 1]);
});

test('the folder is seven objects, a file each, the last of which compares the models', async () => {
  const names = await namesIn(CIRCLE);
  expect(names.map(({ kind, name }) => `${kind}/${name}`)).toEqual([
    ...['SynthesisJob/practice', 'SynthesisJob/exam', 'RolloutBatch/teacher', 'TrainingRun/sft'],
    ...['BenchRun/after-sft', 'TrainingRun/rl', 'BenchRun/circle'],
  ]);
});
