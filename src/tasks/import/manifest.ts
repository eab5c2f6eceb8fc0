import { basename } from 'node:path';
import type { ClawTask } from '../../api/claw-task.ts';
import { formatProblem } from '../../api/manifest-problem.ts';
import { parseManifest } from '../../api/parse-manifest.ts';
import { ClawError } from '../../base/error.ts';
import { draftOfClawTask } from './claw-task.ts';
import type { ImportOptions, ImportStep } from './importer.ts';
import { decodeText } from './parse-document.ts';
import { newReadBudget, readBoundedFile } from './read-tree.ts';

/** Imports the ClawTask objects of a manifest; objects of other kinds are none of its tasks. */
export async function* importManifest(
  path: string,
  { limits }: ImportOptions,
): AsyncGenerator<ImportStep> {
  const file = basename(path);
  const { content } = await readBoundedFile(path, file, limits, newReadBudget());
  const manifest = parseManifest(decodeText(content, file), file);
  for (const problem of manifest.problems) {
    // The place names the file already.
    const text = formatProblem(problem).slice(problem.file.length + 1);
    const failed = new ClawError('InvalidManifest', `line ${text}`);
    yield { place: { file }, failed };
  }
  yield* clawTaskSteps(
    manifest.objects.filter((object) => object.kind === 'ClawTask'),
    file,
  );
}

/** The same for objects that were parsed already. */
export async function* clawTaskSteps(
  objects: readonly ClawTask[],
  file: string,
): AsyncGenerator<ImportStep> {
  for (const object of objects) {
    const place = { file, task: object.metadata.name };
    try {
      yield { place, draft: draftOfClawTask(object) };
    } catch (failed) {
      yield { place, failed };
    }
  }
}
