import { MAX_NAME_LENGTH } from '../../../src/api/metadata.ts';
import { shortHash } from '../../kube/objects/child-names.ts';

const HASH = 7;
const OWNER_AT_LEAST = 8;

/**
 * The one name of a RolloutBatch that belongs to another object: `owner-part-hash`, within the length
 * that our kinds have. The hash is over name and uid of the owner and the whole part: an owner that
 * is created again under its name does not meet the batches of the former one.
 *
 * @param part Lower-case letters, digits and dashes: the name of an arm or a gate.
 */
export function batchName(
  owner: { readonly name: string; readonly uid?: string | undefined },
  part: string,
): string {
  const hash = shortHash(`${owner.name}/${owner.uid ?? ''}/${part}`).slice(0, HASH);
  const room = MAX_NAME_LENGTH - HASH - 2;
  const forOwner = Math.max(OWNER_AT_LEAST, room - part.length);
  const head = trimmed(owner.name.slice(0, forOwner));
  const tail = trimmed(part.slice(0, room - head.length));
  return `${head}-${tail}-${hash}`;
}

const trimmed = (text: string): string => text.replaceAll(/^-+|-+$/g, '');
