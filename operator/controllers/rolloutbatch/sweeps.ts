/**
 * Deletions of finished pods that go on beside the looks at their batch: the API server deletes a
 * collection pod by pod, and hundreds of them take longer than a batch can stand still. At most one a
 * batch; one that fails is planned again by the next look, as long as there is anything to delete.
 */
export class Sweeps {
  readonly #going = new Set<string>();

  /** Never throws; does nothing while one of the batch is going on. */
  start(uid: string, sweep: () => Promise<void>, failed: (error: unknown) => void): void {
    if (this.#going.has(uid)) return;
    this.#going.add(uid);
    sweep()
      .catch(failed)
      .finally(() => this.#going.delete(uid));
  }
}
