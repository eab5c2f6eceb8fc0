import { ClawError } from '../../base/error.ts';
import type { Draft, RecordData } from '../record.ts';

/** The draft of a record beyond its first stage. */
export function draftOf({ draft }: RecordData): Draft {
  if (draft !== undefined) return draft;
  throw new ClawError('Internal', 'a record passed its first stage without a draft');
}
