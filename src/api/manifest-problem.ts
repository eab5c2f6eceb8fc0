import { ClawError } from '../base/error.ts';

/** One fault of a manifest. Everything but `message` says where. */
export interface ManifestProblem {
  /** File name as the user gave it. */
  readonly file: string;
  /** Document of the file, from 1. */
  readonly document: number;
  /** Line of the file on which the document, or the syntax error, stands; from 1. */
  readonly line: number;
  /** `Kind/name`, as far as known. */
  readonly object: string;
  /** Field path such as `spec.arms[1].agent.name`; empty for the document as a whole. */
  readonly field: string;
  /** The offending value and what was expected. */
  readonly message: string;
}

/** `bench.yaml:12 (document 2, BenchRun/nightly): spec.attempts: got 0, expected at least 1` */
export function formatProblem(problem: ManifestProblem): string {
  const object = problem.object === '' ? '' : `, ${problem.object}`;
  const field = problem.field === '' ? '' : `${problem.field}: `;
  return `${problem.file}:${problem.line} (document ${problem.document}${object}): ${field}${problem.message}`;
}

/** All problems as one error. */
export function manifestError(problems: readonly ManifestProblem[]): ClawError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const lines = problems.map((problem) => `  ${formatProblem(problem)}`);
  return new ClawError('InvalidManifest', `${count} in the manifest:\n${lines.join('\n')}`, {
    details: { problems },
  });
}
