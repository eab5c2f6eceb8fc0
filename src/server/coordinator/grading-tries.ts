import type { RetryPolicy } from '../../rollouts/next-step.ts';
import type { WorkItem } from '../../store/cluster-records.ts';
import { workKey } from './work-key.ts';

/** Pods that came to no verdict for reasons of the platform, by what they were to grade. */
export class GradingTries {
  readonly #policy: RetryPolicy;
  readonly #byItem = new Map<string, Map<string, 'infra_error' | 'disruption'>>();

  constructor(policy: RetryPolicy) {
    this.#policy = policy;
  }

  /** Counts a pod once, however often it is told of; true where no further one is to try. */
  note(item: WorkItem, podUid: string, kind: 'infra_error' | 'disruption'): boolean {
    const key = workKey(item);
    const pods = this.#byItem.get(key) ?? new Map<string, typeof kind>();
    this.#byItem.set(key, pods.set(podUid, kind));
    const failed = [...pods.values()].filter((one) => one === kind).length;
    const { infraRetries, disruptionLimit } = this.#policy;
    return failed > (kind === 'disruption' ? disruptionLimit : infraRetries);
  }
}
