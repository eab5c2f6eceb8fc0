import type { Sha256 } from '../../base/brand.ts';

/** People whose artifacts are remembered, and artifacts of one: some 200 bytes each. */
const PEOPLE = 100;
const ARTIFACTS = 20_000;

/**
 * Artifacts that answers have named, by who got them, each with the namespace of the run whose row named it
 * last. In memory: whoever asks after a restart reads the row again first, as every command does.
 */
export class HandedOut {
  readonly #byPerson = new Map<string, Map<Sha256, string>>();

  add(person: string, namespace: string, artifacts: readonly Sha256[]): void {
    const kept = this.#byPerson.get(person) ?? new Map<Sha256, string>();
    for (const digest of artifacts) {
      kept.delete(digest);
      kept.set(digest, namespace);
      if (kept.size > ARTIFACTS) dropFirst(kept);
    }
    this.#byPerson.delete(person);
    this.#byPerson.set(person, kept);
    if (this.#byPerson.size > PEOPLE) dropFirst(this.#byPerson);
  }

  /** The namespace by which the person got it, which must still be theirs to read. */
  namespaceOf(person: string, digest: Sha256): string | undefined {
    return this.#byPerson.get(person)?.get(digest);
  }
}

function dropFirst<K>(kept: Map<K, unknown>): void {
  const [first] = kept.keys();
  if (first !== undefined) kept.delete(first);
}
