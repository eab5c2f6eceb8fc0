import { expect, test } from 'vitest';
import { answeringClient } from '../../../test/support/answering-client.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { batchOf, condition } from '../../../test/support/run-objects.ts';
import { sampleSynthesisJob } from '../../../test/support/sample-objects.ts';
import type { Condition } from '../../kube/objects/conditions.ts';
import { Planner } from './planner.ts';

const call = { signal: new AbortController().signal, fieldManager: 'test' };
const PLACE = '/apis/clawgym.io/v1alpha1/namespaces/lab';
const spec = {
  agent: { name: 'pi' },
  tasks: { synthesisJob: { name: 'tasks' } },
  model: { name: 'ours', trainingRun: { name: 'sft' } },
};
const digest = `sha256:${'a'.repeat(64)}`;

function planner(run: Condition) {
  const sft = {
    ...{ apiVersion: 'clawgym.io/v1alpha1', kind: 'TrainingRun' },
    metadata: { name: 'sft', namespace: 'lab' },
    spec: { base: { artifact: digest }, hyper: { epochs: 1 }, data: { artifact: digest } },
    status: { conditions: [run] },
  };
  const tasks = {
    ...sampleSynthesisJob(),
    metadata: { name: 'tasks', namespace: 'lab' },
    status: { conditions: [condition('Progressing', 'True', 'Running')] },
  };
  return new Planner({
    client: answeringClient({
      [`${PLACE}/synthesisjobs/tasks`]: tasks,
      [`${PLACE}/trainingruns/sft`]: sft,
    }),
    server: {
      batch: async () => undefined,
      planBatch: () => Promise.reject(new Error('nothing is to be planned')),
    },
    clock: new ManualClock(),
    volumes: { read: () => Promise.reject(new Error('no volume is expected')) },
  });
}

test.each<[string, Condition, object]>([
  [
    'tasks that are made are waited for',
    condition('Progressing', 'True', 'Training'),
    { kind: 'waiting', reason: 'WaitingForTasks', held: false },
  ],
  [
    'a model that will never be is told before the tasks are there',
    condition('Failed', 'True', 'Diverged'),
    { kind: 'planning', reason: 'ModelNotFound' },
  ],
  [
    'so is one that waits for somebody',
    condition('Stalled', 'True', 'NeedsAction'),
    { kind: 'waiting', reason: 'WaitingForModel', held: true },
  ],
])('%s', async (_case, run, hindrance) => {
  const found = await planner(run).planned('uid-b', batchOf('b', {}, spec), call);
  expect(found).toMatchObject({ state: undefined, hindrance });
});
