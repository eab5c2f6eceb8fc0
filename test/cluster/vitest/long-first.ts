import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The files that take longest, longest first: one of them that begins last is what everybody waits for.
 * vitest knows durations by its cache only, which a fresh checkout does not have.
 */
const LONG: readonly string[] = [
  'test/apiserver/rolloutbatch-crash.test.ts',
  'test/apiserver/leader-election.test.ts',
  'test/apiserver/rolloutbatch-faults.test.ts',
  'test/apiserver/namespace-deletion.test.ts',
  'test/apiserver/kinds-crash.test.ts',
  'test/node/installation.test.ts',
  'test/node/images.test.ts',
  'test/node/sandbox-pod.test.ts',
];

/** Sorts as vitest does, and puts the longest files before all others. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return LongFirst.order(await super.sort(files), LONG, ({ moduleId }) => moduleId);
  }

  static order<T>(files: readonly T[], long: readonly string[], pathOf: (file: T) => string): T[] {
    const place = (file: T): number => {
      const index = long.findIndex((path) => pathOf(file).endsWith(path));
      return index === -1 ? long.length : index;
    };
    return files.toSorted((one, other) => place(one) - place(other));
  }
}
