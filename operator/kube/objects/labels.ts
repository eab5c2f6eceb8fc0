import { shortHash } from './child-names.ts';

/** Kubernetes label values: at most 63 of these, with a letter or digit at both ends. */
const VALID = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const KEPT = 52;

/**
 * `text` as the value of a label: itself where it is a valid one, else its readable beginning and a
 * hash of the whole, so that different texts stay different.
 */
export function labelValue(text: string): string {
  if (VALID.test(text)) return text;
  const head = text
    .slice(0, KEPT)
    .replace(/[^-A-Za-z0-9_.]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
  const hash = shortHash(text);
  return head === '' ? hash : `${head}-${hash}`;
}

/** A label selector for equality: `a=1,b=2`. */
export function labelSelector(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
