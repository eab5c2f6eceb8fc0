import type { NoveltyIndex } from './novelty/novelty-index.ts';
import type { SynthesisRecord } from './record.ts';
import { draftOf } from './stages/draft-of.ts';
import type { StageResult } from './stages/stage.ts';

/**
 * The last stage: is the task new? Asked in order of number, of a record whose forerunners have all
 * ended, so that the answer does not depend on which of them was done first.
 */
export function novelty(
  { data }: SynthesisRecord,
  index: NoveltyIndex,
  maxSimilarity: number,
): StageResult {
  const twin = index.twinOf(draftOf(data).instruction, maxSimilarity);
  if (twin === undefined) return { kind: 'passed', data };
  if (twin.similarity === 1) {
    const message = `its instruction is that of ${twin.id}`;
    return { kind: 'rejected', data, reason: 'Duplicate', message };
  }
  const shared = twin.similarity.toFixed(2);
  const message = `its instruction shares ${shared} of its word sequences with ${twin.id}, at most ${maxSimilarity.toFixed(2)} is allowed`;
  return { kind: 'rejected', data, reason: 'NearDuplicate', message };
}
