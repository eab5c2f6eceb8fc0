import { join } from 'node:path';

/** Where the output folder of a SynthesisJob has its accepted tasks. */
export const acceptedTasksPath = (out: string): string => join(out, 'task-set.tar');
export const summaryPath = (out: string): string => join(out, 'summary.json');
/** One line a record: how it ended and why. */
export const recordsPath = (out: string): string => join(out, 'records.jsonl');
