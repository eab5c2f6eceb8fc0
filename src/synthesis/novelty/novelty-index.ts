import { sha256 } from '../../base/digest.ts';
import { normalised, type Shingles, shingles, similarity } from './shingles.ts';

/** What an instruction is too close to. */
export interface Twin {
  /** Id of the earlier task, with its set where it is not of this job. */
  readonly id: string;
  /** 1 for the same words. */
  readonly similarity: number;
}

/** Instructions so far: the accepted tasks of a job and the sets that they are compared with. */
export class NoveltyIndex {
  readonly #exact = new Map<string, string>();
  readonly #known: { readonly id: string; readonly shingles: Shingles }[] = [];

  add(id: string, instruction: string): void {
    const key = sha256(normalised(instruction));
    if (!this.#exact.has(key)) this.#exact.set(key, id);
    this.#known.push({ id, shingles: shingles(instruction) });
  }

  /** The nearest earlier instruction above `maxSimilarity`, or the same one; undefined where it is new. */
  twinOf(instruction: string, maxSimilarity: number): Twin | undefined {
    const same = this.#exact.get(sha256(normalised(instruction)));
    if (same !== undefined) return { id: same, similarity: 1 };
    const own = shingles(instruction);
    let nearest: Twin | undefined;
    for (const { id, shingles: other } of this.#known) {
      const value = similarity(own, other);
      if (value > maxSimilarity && value > (nearest?.similarity ?? 0))
        nearest = { id, similarity: value };
    }
    return nearest;
  }
}
