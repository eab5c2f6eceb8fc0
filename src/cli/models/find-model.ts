import type { Sha256 } from '../../base/brand.ts';
import { isSha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { KnownModel } from '../../training/model-records.ts';

/** The model of that digest, of that start of one, or of that TrainingRun. */
export function findModel(models: readonly KnownModel[], wanted: string): Sha256 {
  const text = wanted.replace(/^sha256:/, '');
  const found = models.filter(
    ({ digest, from }) =>
      digest === text ||
      (from.kind === 'run' && from.name === wanted) ||
      (text.length >= 6 && digest.startsWith(text)),
  );
  const digests = [...new Set(found.map(({ digest }) => digest))];
  const [only, more] = digests;
  if (only !== undefined && more === undefined) return only;
  // Not everything that is kept is listed: the base of a model that was copied here, for example.
  if (only === undefined && isSha256(text)) return text;
  const there = models.map(({ digest, from }) => `${digest.slice(0, 12)} (${from.name})`);
  const what = only === undefined ? 'is no model' : 'fits more than one model';
  throw new ClawError(
    only === undefined ? 'NotFound' : 'InvalidInput',
    `${JSON.stringify(wanted)} ${what} of this store; there ${there.length === 0 ? 'is none yet' : `are: ${there.join(', ')}`}`,
  );
}
