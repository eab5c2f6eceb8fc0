import { ClawError } from './error.ts';

/**
 * JSON with object keys in UTF-16 code unit order and no white space, as in RFC 8785 (JSON
 * Canonicalization Scheme): the bytes that digests are taken over. Numbers must be finite; absent
 * (`undefined`) members are left out.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') {
    return JSON.stringify(value);
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) {
      throw new ClawError('InvalidInput', `canonical JSON takes finite numbers only, got ${value}`);
    }
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object') return canonicalObject(value);
  throw new ClawError('InvalidInput', `canonical JSON cannot hold a ${typeof value}`);
}

function canonicalObject(value: object): string {
  const members = Object.entries(value)
    .filter((entry) => entry[1] !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
