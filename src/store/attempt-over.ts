import type { AttemptRow } from './records.ts';

/** True where an attempt ended by itself or was closed: nothing of it may change any more. */
export function isAttemptOver({ end, close }: Pick<AttemptRow, 'end' | 'close'>): boolean {
  return end !== undefined || close !== undefined;
}
