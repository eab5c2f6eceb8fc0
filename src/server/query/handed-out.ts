import type { Sha256 } from '../../base/brand.ts';

/** People whose artifacts are remembered, and artifacts of one: some 150 bytes each. */
const PEOPLE = 100;
const ARTIFACTS = 20_000;

/**
 * Artifacts that answers have named, by who got them. In memory: whoever asks after a restart reads the
 * row again first, as every command does.
 */
export class HandedOut {
  readonly #byPerson = new Map<string, Set<string>>();

  add(person: string, artifacts: readonly Sha256[]): void {
    const digests = this.#byPerson.get(person) ?? new Set();
    for (const digest of artifacts) {
      digests.delete(digest);
      digests.add(digest);
      if (digests.size > ARTIFACTS) dropFirst(digests);
    }
    this.#byPerson.delete(person);
    this.#byPerson.set(person, digests);
    if (this.#byPerson.size > PEOPLE) dropFirst(this.#byPerson);
  }

  has(person: string, digest: Sha256): boolean {
    return this.#byPerson.get(person)?.has(digest) ?? false;
  }
}

function dropFirst(kept: Set<string> | Map<string, unknown>): void {
  const [first] = kept.keys();
  if (first !== undefined) kept.delete(first);
}
