import { isSha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import { type FoundArtifact, findArtifact, modelsInWork } from '../run-outputs/find-in-work.ts';

/**
 * The model of that digest, of that start of one, or of that TrainingRun in a work folder. Throws
 * `NotFound` or `InvalidInput` with what is there.
 */
export async function findModel(work: string, wanted: string): Promise<FoundArtifact> {
  const models = await modelsInWork(work);
  const text = wanted.replace(/^sha256:/, '');
  const found = models.filter(
    ({ digest, from }) =>
      digest === text ||
      (from.kind === 'run' && from.name === wanted) ||
      (text.length >= 6 && digest.startsWith(text)),
  );
  const [first] = found;
  const digests = new Set(found.map(({ digest }) => digest));
  if (first !== undefined && digests.size === 1) return first;
  // Not everything that is kept is listed.
  const kept = isSha256(text) ? await findArtifact(work, text) : undefined;
  if (kept !== undefined) return kept;
  const there = models.map(({ digest, from }) => `${digest.slice(0, 12)} (${from.name})`);
  const what = first === undefined ? 'is no model' : 'fits more than one model';
  throw new ClawError(
    first === undefined ? 'NotFound' : 'InvalidInput',
    `${JSON.stringify(wanted)} ${what} of ${work}; there ${there.length === 0 ? 'is none yet' : `are: ${there.join(', ')}`}`,
  );
}
