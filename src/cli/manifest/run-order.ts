import { nearMiss } from '../../api/near-miss.ts';
import { ClawError } from '../../base/error.ts';
import { type Reference, referencesOf } from './references.ts';

/** What the order needs of an object. */
export interface Ordered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: unknown;
}

/**
 * The objects in an order in which each comes after those that it names; otherwise as they stand. A
 * name that no object has may be of an earlier run: then `known` answers for it. Throws
 * `InvalidManifest` for a name that is nowhere and for objects that wait for each other.
 */
export function runOrder<T extends Ordered>(
  objects: readonly T[],
  known: (kind: string, name: string) => boolean,
): readonly T[] {
  const waits = new Map(objects.map((each) => [each, namedBy(each, objects, known)]));
  const order: T[] = [];
  while (order.length < objects.length) {
    const next = objects.find(
      (each) => !order.includes(each) && waits.get(each)?.every((other) => order.includes(other)),
    );
    if (next === undefined)
      throw cycle(
        objects.filter((each) => !order.includes(each)),
        waits,
      );
    order.push(next);
  }
  return order;
}

function namedBy<T extends Ordered>(
  object: T,
  objects: readonly T[],
  known: (kind: string, name: string) => boolean,
): readonly T[] {
  return referencesOf(object.spec).flatMap((reference) => {
    const target = objects.find((each) => isNamed(each, reference));
    if (target !== undefined) return [target];
    if (reference.kinds.some((kind) => known(kind, reference.name))) return [];
    throw missing(object, reference, objects);
  });
}

/** A batch is also named by its arm: RUN-ARM. */
function isNamed({ kind, metadata, spec }: Ordered, { kinds, name }: Reference): boolean {
  if (!kinds.includes(kind)) return false;
  return (
    metadata.name === name || armsOf(kind, spec).some((arm) => `${metadata.name}-${arm}` === name)
  );
}

function armsOf(kind: string, spec: unknown): readonly string[] {
  if (kind !== 'BenchRun' || typeof spec !== 'object' || spec === null || !('arms' in spec))
    return [];
  const { arms } = spec;
  if (!Array.isArray(arms)) return [];
  return arms.flatMap((arm: unknown) =>
    typeof arm === 'object' && arm !== null && 'name' in arm ? [String(arm.name)] : [],
  );
}

function missing(
  { kind, metadata }: Ordered,
  { kinds, name, field }: Reference,
  objects: readonly Ordered[],
): ClawError {
  const there = objects
    .filter((each) => kinds.includes(each.kind))
    .map((each) => each.metadata.name);
  const meant = nearMiss(name, there);
  const hint =
    meant === undefined
      ? `put it into the manifest, or run it first with the same --out`
      : `did you mean ${meant}?`;
  return new ClawError(
    'InvalidManifest',
    `${kind} ${metadata.name}: ${field} names ${kinds.join(' or ')} ${JSON.stringify(name)}, which neither the manifest nor the work folder has; ${hint}`,
  );
}

function cycle<T extends Ordered>(
  left: readonly T[],
  waits: ReadonlyMap<T, readonly T[]>,
): ClawError {
  const path: T[] = [];
  for (
    let at = left[0];
    at !== undefined;
    at = waits.get(at)?.find((each) => left.includes(each))
  ) {
    const start = path.indexOf(at);
    if (start >= 0) {
      const circle = [...path.slice(start), at].map((each) => `${each.kind} ${each.metadata.name}`);
      return new ClawError(
        'InvalidManifest',
        `these objects wait for each other: ${circle.join(' -> ')}; one of them must name something else`,
      );
    }
    path.push(at);
  }
  return new ClawError('Internal', 'an order was not found, nor what stands in its way');
}
