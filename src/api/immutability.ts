import { isRecord } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Resource } from './define-resource.ts';

/**
 * Immutable spec fields that differ between two versions of one object: what the API server refuses
 * on an update, said locally, for example when a run is resumed with a changed manifest. Both
 * specs as parsed, that is with defaults.
 */
export function immutableChanges(
  resource: Pick<Resource, 'immutable'>,
  before: unknown,
  after: unknown,
): readonly string[] {
  const old = isRecord(before) ? before : {};
  const next = isRecord(after) ? after : {};
  return resource.immutable.filter((field) => canonical(old[field]) !== canonical(next[field]));
}

function canonical(value: unknown): string {
  return value === undefined ? 'absent' : canonicalJson(value);
}
