import { expect, it } from 'vitest';
import { rolloutBatch } from '../../api/rollout-batch.ts';
import { batchSettings, DEFAULT_SETTINGS } from './batch-settings.ts';

it('gives a run that asks for nothing what the API gives a manifest that says nothing', () => {
  const { spec } = rolloutBatch.schema.parse({
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'RolloutBatch',
    metadata: { name: 'b' },
    spec: { tasks: { path: 'tasks' }, agent: { name: 'nop' } },
  });
  expect(DEFAULT_SETTINGS).toEqual(batchSettings(spec));
});
