import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { wordRecording } from './word-tasks.ts';

/**
 * Writes generator.jsonl. Run it again after a change of word-tasks.ts:
 * node examples/full-circle/make-recording.ts
 */
writeFileSync(join(import.meta.dirname, 'generator.jsonl'), wordRecording());
