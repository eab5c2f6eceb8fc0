import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RECORDED, wordAnswer, wordRecording } from '../../examples/full-circle/word-tasks.ts';
import { shingles, similarity } from '../../src/synthesis/novelty/shingles.ts';
import { parseDraft } from '../../src/synthesis/stages/draft.ts';

const FILE = join(import.meta.dirname, '../../examples/full-circle/generator.jsonl');

test('the recording of the full circle is what its script says', () => {
  expect(readFileSync(FILE, 'utf8') === wordRecording(), 'run make-recording.ts').toBe(true);
});

test('no two tasks of the family are twins', () => {
  const texts = Array.from({ length: RECORDED }, (_, at) => {
    const draft = parseDraft(wordAnswer('draft', at + 1));
    return draft.ok ? draft.value.instruction : '';
  });
  const known = texts.map((text) => shingles(text));
  let nearest = 0;
  for (const [at, one] of known.entries()) {
    for (const other of known.slice(at + 1)) nearest = Math.max(nearest, similarity(one, other));
  }
  expect(nearest).toBeLessThan(0.7);
});
