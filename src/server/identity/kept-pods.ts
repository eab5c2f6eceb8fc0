import type { Clock } from '../../base/clock.ts';
import type { PodReader, SandboxPod } from './pods.ts';

/** A pod that is deleted is believed no longer than this. */
const FRESH_MS = 5000;
const MAX_KEPT = 1000;

/**
 * Pods as they were seconds ago, for pods that ask many times a second all their life: each question must
 * not be one to the API server.
 */
export class KeptPods implements PodReader {
  readonly #pods: PodReader;
  readonly #clock: Clock;
  readonly #kept = new Map<string, { readonly until: number; readonly pod: SandboxPod }>();

  constructor(pods: PodReader, clock: Clock) {
    this.#pods = pods;
    this.#clock = clock;
  }

  async get(namespace: string, name: string): Promise<SandboxPod | undefined> {
    const key = `${namespace}/${name}`;
    const now = this.#clock.monotonic();
    const known = this.#kept.get(key);
    if (known !== undefined && now < known.until) return known.pod;
    const pod = await this.#pods.get(namespace, name);
    this.#kept.delete(key);
    if (pod === undefined) return undefined;
    this.#kept.set(key, { until: now + FRESH_MS, pod });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return pod;
  }
}
