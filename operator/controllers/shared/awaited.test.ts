import { expect, test } from 'vitest';
import { condition } from '../../../test/support/run-objects.ts';
import type { Condition } from '../../kube/objects/conditions.ts';
import { type Awaited, absent, awaited } from './awaited.ts';

function sft(conditions: readonly Condition[], more: { suspend?: boolean; going?: boolean } = {}) {
  const { suspend = false, going = false } = more;
  const gone = going && { deletionTimestamp: '2026-01-01T00:00:00Z' };
  return {
    ...{ apiVersion: 'clawgym.io/v1alpha1', kind: 'TrainingRun' },
    metadata: { name: 'sft', namespace: 'lab', ...gone },
    ...{ spec: { suspend }, status: { conditions } },
  };
}
const training = condition('Progressing', 'True', 'Training', 'The trainer is at work.');
const noGpu = condition('Progressing', 'False', 'Unschedulable', '0/2 nodes are available');
const stalled = condition('Stalled', 'True', 'NeedsAction', 'there is no runtime rl.');
const fine = condition('Stalled', 'False', 'NotStalled');
const failed = condition('Failed', 'True', 'Diverged', 'the loss is not a number');

test.each<[string, ReturnType<typeof sft>, Awaited['stands'], string]>([
  ['nobody has looked at yet', sft([]), 'underWay', 'has not begun yet'],
  [
    'is at work',
    sft([training, fine]),
    'underWay',
    'is not complete yet, Training: The trainer is at work',
  ],
  [
    'has no room',
    sft([noGpu]),
    'underWay',
    'is not complete yet, Unschedulable: 0/2 nodes are available',
  ],
  [
    'is suspended',
    sft([training], { suspend: true }),
    'held',
    'is suspended; set its spec.suspend to false',
  ],
  ['is stalled', sft([noGpu, stalled]), 'held', 'does not go on: there is no runtime rl'],
  ['has failed', sft([failed, stalled]), 'failed', 'has failed: the loss is not a number'],
  ['is being deleted', sft([training], { going: true }), 'going', 'is being deleted'],
])('what %s says how it stands, and what shows more', (_case, run, stands, words) => {
  expect(awaited('spec.model.trainingRun', run)).toEqual({
    stands,
    message: `spec.model.trainingRun: TrainingRun lab/sft ${words}; see: kubectl describe trainingrun/sft --namespace lab`,
  });
});

test('what is not there says so, and what to do', () => {
  const message = absent('spec.base.trainingRun', 'TrainingRun', { namespace: 'lab', name: 'x' });
  expect(message).toBe(
    'spec.base.trainingRun: TrainingRun lab/x does not exist; create it, and see: kubectl get trainingrun --namespace lab',
  );
});
