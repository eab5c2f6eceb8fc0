import { formatFieldPath } from '../../api/field-path.ts';
import { isRecord } from '../../base/brand.ts';

/** One object that another one names. */
export interface Reference {
  readonly kinds: readonly string[];
  readonly name: string;
  /** Where it is named: `spec.base.trainingRun`. */
  readonly field: string;
}

/** Fields that name another object, wherever they stand: the same word always means the same. */
const NAMING: Readonly<Record<string, readonly string[]>> = {
  trainingRun: ['TrainingRun'],
  synthesisJob: ['SynthesisJob'],
  batches: ['RolloutBatch', 'BenchRun'],
};

/** The objects of the namespace that a spec names. */
export function referencesOf(spec: unknown): readonly Reference[] {
  const found: Reference[] = [];
  walk(spec, ['spec'], found);
  return found;
}

function walk(value: unknown, path: readonly (string | number)[], found: Reference[]): void {
  if (Array.isArray(value)) {
    value.forEach((item: unknown, index) => {
      walk(item, [...path, index], found);
    });
  }
  if (!isRecord(value)) return;
  for (const [key, member] of Object.entries(value)) {
    const kinds = Object.hasOwn(NAMING, key) ? NAMING[key] : undefined;
    const here = [...path, key];
    if (kinds === undefined) walk(member, here, found);
    else {
      for (const name of namesIn(member)) {
        found.push({ kinds, name, field: formatFieldPath(here) });
      }
    }
  }
}

function namesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.filter((each) => typeof each === 'string');
  return isRecord(value) && typeof value['name'] === 'string' ? [value['name']] : [];
}
