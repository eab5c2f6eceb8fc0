import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';

interface ListBounds {
  readonly min?: number;
  readonly max: number;
  readonly description: string;
}

/** A list whose items are told apart by one field; the API server refuses duplicates, so do we. */
export function zListMap<K extends string, S extends z.ZodType<Readonly<Record<K, unknown>>>>(
  item: S,
  key: K,
  { min = 0, max, description }: ListBounds,
) {
  return z
    .array(item)
    .min(min)
    .max(max)
    .meta({
      description,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': [key],
    })
    .superRefine((items, context) => {
      reportDuplicates(
        items.map((each) => each[key]),
        (index, value) =>
          context.addIssue({
            code: 'custom',
            path: [index, key],
            message: `duplicate ${key} ${JSON.stringify(value)}`,
          }),
      );
    });
}

/** A list of scalars without duplicates. */
export function zScalarSet<S extends z.ZodType<string>>(
  item: S,
  { min = 0, max, description }: ListBounds,
) {
  return z
    .array(item)
    .min(min)
    .max(max)
    .meta({ description, 'x-kubernetes-list-type': 'set' })
    .superRefine((items, context) => {
      reportDuplicates(items, (index, value) =>
        context.addIssue({
          code: 'custom',
          path: [index],
          message: `duplicate ${JSON.stringify(value)}`,
        }),
      );
    });
}

/** A list that is replaced as a whole. */
export function zAtomicList<S extends z.ZodType>(
  item: S,
  { min = 0, max, description }: ListBounds,
) {
  return z.array(item).min(min).max(max).meta({ description, 'x-kubernetes-list-type': 'atomic' });
}

function reportDuplicates(
  values: readonly unknown[],
  report: (index: number, value: unknown) => void,
): void {
  const seen = new Set<string>();
  for (const [index, value] of values.entries()) {
    const key = canonicalJson(value);
    if (seen.has(key)) report(index, value);
    seen.add(key);
  }
}
