import { ClawError } from '../src/base/error.ts';

/** One run of vitest; without files the whole project. */
export interface ProjectRun {
  readonly project: string;
  readonly files: readonly string[];
}

/** The runs that `PROJECT FILE... PROJECT:FILE...` asks for. Fails with `InvalidInput` for none. */
export function projectRuns([first, ...rest]: readonly string[]): readonly ProjectRun[] {
  if (first === undefined || !/^[a-z]+$/.test(first)) {
    throw new ClawError(
      'InvalidInput',
      `vitest-claim: ${JSON.stringify(first ?? '')}: expected PROJECT FILE... PROJECT:FILE...`,
    );
  }
  const runs = new Map<string, string[]>([[first, []]]);
  for (const argument of rest) {
    const [, project = first, file = argument] = /^([a-z]+):(.+)$/.exec(argument) ?? [];
    runs.set(project, [...(runs.get(project) ?? []), file]);
  }
  return [...runs].map(([project, files]) => ({ project, files }));
}
