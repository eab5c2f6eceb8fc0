import { expect, test } from 'vitest';
import { asSha256 } from '../../base/brand.ts';
import type { ModelManifest, ModelRecord } from '../../training/model-manifest.ts';
import { modelText } from './model-text.ts';

const digest = asSha256('a'.repeat(64));
const shown = (record: Partial<ModelRecord>): string => {
  const manifest: ModelManifest = {
    ...{ format: 'model/v1', kind: 'adapter' },
    files: [{ path: 'adapter_model.safetensors', digest, bytes: 3 }],
    template: { path: 'chat_template.jinja', sha256: digest },
    tokenizer: { sha256: digest },
    record: { versions: {}, parents: [], ...record },
  };
  return modelText(digest, manifest);
};

test('tells the settings, the drawn tasks and the canary of a trained model', () => {
  const text = shown({
    run: 'rl',
    tasks: [digest, asSha256('b'.repeat(64))],
    hyper: {
      ...{ method: { lora: { rank: 16, targets: ['q', 'v'] } }, context: 2048 },
      ...{ hyper: { epochs: 1, schedule: 'cosine' }, deterministic: false },
    },
    canary: { prompt: 'Name a colour.', ids: [1, 2, 3] },
  });
  expect(text).toContain('\nTasks:      2 drawn\n');
  expect(text).toContain(
    [
      '',
      'Settings:   method: lora.rank 16, lora.targets ["q","v"]',
      '            context 2048',
      '            hyper: epochs 1, schedule cosine',
      '            deterministic false',
      'Canary:     3 token ids after "Name a colour."',
      '',
    ].join('\n'),
  );
});

test('has no such lines for an imported model', () => {
  expect(shown({})).not.toMatch(/Settings|Tasks|Canary/);
});

test('a record forges no line and has an end', () => {
  const evil = `x\nRun: mine\u001b[2J${'y'.repeat(5000)}`;
  const text = shown({
    hyper: { method: { [evil]: evil }, context: evil },
    canary: { prompt: evil, ids: [] },
  });
  expect(text).not.toContain('\nRun: mine');
  expect(text).not.toContain('\u001b');
  expect(text.length).toBeLessThan(2500);
});
