import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { wordAnswer } from './word-tasks.ts';

/**
 * Writes generator.jsonl: the scripted generator as a recording that `model.recording` plays. Run it
 * again after a change of word-tasks.ts: node examples/full-circle/make-recording.ts
 */
const RECORDS = 160;
const STAGES = ['draft', 'solution', 'verifier', 'rubric', 'judge'];

const rows: object[] = [
  {
    schema: 'clawgym.recording/v1',
    model: 'word-tasks',
    note: 'Written by make-recording.ts; no model was asked.',
  },
];
for (let number = 1; number <= RECORDS; number += 1) {
  for (const stage of STAGES) {
    const match = `Record ${number}, ${stage}.`;
    const usage = { prompt_tokens: 400, completion_tokens: 100 };
    const turns = [{ content: wordAnswer(stage, number), usage }];
    rows.push({ task: `${stage} ${number}`, match, turns });
  }
}
const file = join(import.meta.dirname, 'generator.jsonl');
writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
