import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const BYTES = 4096;
const LINES = 20;

/** The last lines of a log, for error messages; empty where there is none. */
export function logTail(path: string): string {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const buffer = Buffer.alloc(Math.min(BYTES, size));
      readSync(file, buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString('utf8').trimEnd().split('\n').slice(-LINES).join('\n');
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
