import { ClawError } from '../src/base/error.ts';

/** One run of vitest; without files the whole project. */
export interface ProjectRun {
  readonly project: string;
  readonly files: readonly string[];
}

const NAMED = /^([a-z]+):(.+)$/;

/**
 * The runs that `PROJECT FILE... PROJECT:FILE...` asks for; a file without a project belongs to the
 * first one that was named. Fails with `InvalidInput` for none.
 */
export function projectRuns([first = '', ...rest]: readonly string[]): readonly ProjectRun[] {
  const [, project = first, file] = NAMED.exec(first) ?? [];
  if (!/^[a-z]+$/.test(project)) {
    throw new ClawError(
      'InvalidInput',
      `vitest-claim: ${JSON.stringify(first)}: expected PROJECT FILE... PROJECT:FILE...`,
    );
  }
  const runs = new Map<string, string[]>([[project, file === undefined ? [] : [file]]]);
  for (const argument of rest) {
    const [, name = project, path = argument] = NAMED.exec(argument) ?? [];
    runs.set(name, [...(runs.get(name) ?? []), path]);
  }
  return [...runs].map(([name, files]) => ({ project: name, files }));
}
