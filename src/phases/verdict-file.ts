import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { MAX_VERDICT_BYTES } from '../verifiers/verdict.ts';

/** The text of a run's verdict, or why there is none: only a regular file of bounded size counts. */
export function readVerdictFile(
  verdictDir: string,
): string | { readonly status: 'crash'; readonly message: string } {
  const path = join(verdictDir, 'verdict.json');
  const refuse = (message: string) => ({ status: 'crash', message }) as const;
  const found = statsAt(path);
  if (found === undefined) return refuse('the verifier ended its process without a verdict');
  if (!found.isFile()) return refuse('the verdict is not a regular file');
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = openSync(path, flags);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return refuse('the verdict is not a regular file');
    if (stat.size > MAX_VERDICT_BYTES) {
      return refuse(`the verdict has ${stat.size} bytes, at most ${MAX_VERDICT_BYTES} are read`);
    }
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function statsAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
