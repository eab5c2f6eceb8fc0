import { createHash } from 'node:crypto';
import { KubeError } from '../base/kube-error.ts';

/** RFC 1123 label: what pods, services and host names may be called at most. */
const MAX_LENGTH = 63;
const HASH_LENGTH = 10;
const ORDINAL = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

/**
 * The one name of a child: `owner-hash-ordinal`. The same owner and ordinal always give the same
 * name, so a create that is repeated after a crash or by a second controller meets its own child.
 * The hash is over name and uid of the owner: an owner that is created again under its name does
 * not meet the children of the former one. A DNS label of at most 63 characters: a long owner's
 * name is cut.
 *
 * @param ordinal Lower-case letters, digits and inner dashes, at most 40 characters: `3`, `7-2`,
 *   `archive`. Throws `InvalidOption` for others.
 */
export function childName(
  owner: { readonly name: string; readonly uid?: string | undefined },
  ordinal: number | string,
): string {
  if (!ORDINAL.test(String(ordinal)))
    throw new KubeError(
      'InvalidOption',
      `child of ${owner.name}: ordinal '${ordinal}': expected at most 40 of a-z, 0-9 and inner dashes`,
    );
  const hash = shortHash(`${owner.name}/${owner.uid ?? ''}`);
  const tail = `-${hash}-${ordinal}`;
  const head = owner.name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_LENGTH - tail.length)
    .replace(/^-+|-+$/g, '');
  return head === '' ? tail.slice(1) : `${head}${tail}`;
}

/** 50 bits of SHA-256 in ten characters of a-z and 2-7. */
export function shortHash(text: string): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  const digest = createHash('sha256').update(text).digest();
  return Array.from(
    digest.subarray(0, HASH_LENGTH),
    (byte) => alphabet[byte % alphabet.length] ?? '',
  ).join('');
}
