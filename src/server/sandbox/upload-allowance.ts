import { ClawError } from '../../base/error.ts';

/**
 * Ends that one pod may hand in: a companion that is started again packs anew, and an upload whose
 * answer was lost is sent again.
 */
const TRIES = 4;
/** Pods that are remembered; one holds a name and a number. */
const PODS = 10_000;

/**
 * How much each pod may store in all. Every upload has a bound of its own, and that alone would let one
 * pod fill the volume. In memory: a restart of the server, which no sandbox can cause, begins anew.
 */
export class UploadAllowance {
  /** Bytes by pod, uploads under way included; who uploads comes last. */
  readonly #used = new Map<string, number>();

  /**
   * Runs an upload of at most `asked` bytes. Throws `TooLarge`, before anything is read, where those
   * would be more than is left.
   *
   * @param wholeEnd bytes of everything that the end of one attempt consists of
   */
  async within<T extends { readonly size: number }>(
    pod: string,
    { asked, wholeEnd }: { readonly asked: number; readonly wholeEnd: number },
    upload: () => Promise<T>,
  ): Promise<T> {
    const most = TRIES * wholeEnd;
    const used = this.#used.get(pod) ?? 0;
    if (used + asked > most) {
      throw new ClawError(
        'TooLarge',
        `the uploads of one pod have at most ${most} bytes together: ${used} are there, and ${asked} more do not fit`,
        { details: { reason: 'UploadAllowance' } },
      );
    }
    this.#add(pod, asked);
    let size = 0;
    try {
      const stored = await upload();
      ({ size } = stored);
      return stored;
    } finally {
      this.#add(pod, size - asked);
    }
  }

  #add(pod: string, bytes: number): void {
    const used = (this.#used.get(pod) ?? 0) + bytes;
    this.#used.delete(pod);
    this.#used.set(pod, used);
    const [oldest] = this.#used.keys();
    if (this.#used.size > PODS && oldest !== undefined) this.#used.delete(oldest);
  }
}
