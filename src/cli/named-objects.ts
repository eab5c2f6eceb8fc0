import { ClawError } from '../base/error.ts';

/** A batch or a job by the name that people know. */
export interface NamedObject<Id extends string = string> {
  readonly id: Id;
  /** Local: the id. Cluster: the name of the object, whose uid is the id. */
  readonly name: string;
  /** Its object is gone; its records are kept for the days of retention. */
  readonly deleted?: boolean;
}

/** What a server keeps of an object, with where it was. */
interface KeptObject<Id extends string> {
  readonly id: Id;
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: number;
}

/**
 * Objects of the namespace that the server keeps and that are no longer there, newest first. One that is not
 * the only one of its name, or not the newest, goes by its uid alone: the name is another's.
 */
export function deletedObjects<Id extends string>(
  kept: readonly KeptObject<Id>[],
  { namespace, live }: { readonly namespace: string; readonly live: readonly NamedObject<Id>[] },
): readonly NamedObject<Id>[] {
  const there = new Set<string>(live.map(({ id }) => id));
  const taken = new Set(live.map(({ name }) => name));
  return kept
    .filter((object) => object.namespace === namespace && !there.has(object.id))
    .toSorted((a, b) => b.createdAt - a.createdAt)
    .map((object) => {
      const name = taken.has(object.name) ? object.id : object.name;
      taken.add(object.name);
      return { id: object.id, name, deleted: true };
    });
}

interface NamedSource<One extends NamedObject> {
  readonly live: readonly One[];
  /** Asked for where no other has the name that is wanted. */
  readonly deleted: () => Promise<readonly One[]>;
}

/**
 * The object of that name, or the only one whose name contains it; one that was deleted where no other has
 * the name. Throws `NotFound` or `InvalidInput` with what is there.
 */
export async function findNamed<One extends NamedObject>(
  { live, deleted }: NamedSource<One>,
  wanted: string,
  kind: string,
): Promise<One> {
  const exact = named(live, wanted);
  if (exact !== undefined) return exact;
  const all = [...live, ...(await deleted())];
  const found = named(all, wanted) ?? onlyLike(live, wanted) ?? onlyLike(all, wanted);
  if (found !== undefined) return found;
  const names = all.map(shown).join(', ');
  const none = all.every(({ name }) => !name.includes(wanted));
  const what = none ? `is no ${kind}` : `fits more than one ${kind}`;
  throw new ClawError(
    none ? 'NotFound' : 'InvalidInput',
    `${JSON.stringify(wanted)} ${what}; there ${names === '' ? 'is none yet' : `are: ${names}`}`,
  );
}

function named<One extends NamedObject>(objects: readonly One[], wanted: string) {
  return objects.find(({ id, name }) => id === wanted || name === wanted);
}

function onlyLike<One extends NamedObject>(objects: readonly One[], wanted: string) {
  const [only, more] = objects.filter(({ name }) => name.includes(wanted));
  return more === undefined ? only : undefined;
}

const shown = ({ name, deleted }: NamedObject): string => (deleted ? `${name} (deleted)` : name);
