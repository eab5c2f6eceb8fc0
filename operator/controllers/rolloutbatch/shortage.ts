import type { Clock } from '../../kube/base/clock.ts';
import type { CallOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { coreEvents, type Job } from '../shared/kube-kinds.ts';
import { Pace } from '../shared/pace.ts';
import type { PodFact } from './observed.ts';

/** The Job controller needs a moment; a Job that is short of pods for longer has a reason. */
const PATIENCE_MS = 5000;
const MAX_EVENTS = 100;
const LOOK_MS = 10_000;

/**
 * Pure: the Job that has fewer pods than it may have, though it is old enough to have them.
 *
 * @param remaining Rows that still need a pod, by Job name.
 */
export function shortJob(
  jobs: readonly Job[],
  pods: readonly PodFact[],
  remaining: ReadonlyMap<string, number>,
  now: number,
): Job | undefined {
  return jobs.find((job) => {
    const { uid, name, creationTimestamp, deletionTimestamp } = job.metadata;
    const over = job.status?.conditions?.some(
      ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
    );
    const left = remaining.get(name) ?? 0;
    if (over || deletionTimestamp !== undefined || job.spec.suspend === true || left === 0)
      return false;
    if (now - Date.parse(creationTimestamp ?? '') < PATIENCE_MS) return false;
    const live = pods.filter((pod) => pod.jobUid === uid && !pod.over).length;
    return live < Math.min(job.spec.parallelism ?? 1, left);
  });
}

/** Reads why Jobs get no pods: their events alone say it. Looks at most every few seconds a batch. */
export class ShortageReader {
  readonly #client: KubeClient;
  readonly #pace: Pace;
  readonly #words = new Map<string, string | undefined>();

  constructor(client: KubeClient, clock: Clock) {
    this.#client = client;
    this.#pace = new Pace(clock);
  }

  forget(batchUid: string): void {
    this.#pace.forget(batchUid);
    this.#words.delete(batchUid);
  }

  /** The newest words of the API server to the Job controller; undefined where it refused nothing. */
  async words(batchUid: string, short: Job | undefined, call: CallOptions) {
    if (short === undefined) {
      this.forget(batchUid);
      return undefined;
    }
    if (this.#pace.waitMs(batchUid, LOOK_MS) > 0) return this.#words.get(batchUid);
    this.#pace.mark(batchUid);
    const words = await refusalWords(this.#client, short, call);
    this.#words.set(batchUid, words);
    return words;
  }
}

async function refusalWords(
  client: KubeClient,
  job: Job,
  call: CallOptions,
): Promise<string | undefined> {
  const { namespace, name, uid } = job.metadata;
  const fieldSelector = `involvedObject.uid=${uid},reason=FailedCreate`;
  for await (const page of client
    .for(coreEvents)
    .pages({ namespace, fieldSelector }, { ...call, limit: MAX_EVENTS })) {
    const newest = page.items.toSorted((one, other) => timeOf(other) - timeOf(one))[0];
    const words = newest?.message ?? undefined;
    return words === undefined ? undefined : `Job ${name}: ${words}`;
  }
  return undefined;
}

function timeOf(event: {
  readonly lastTimestamp?: string | null | undefined;
  readonly eventTime?: string | null | undefined;
}): number {
  const time = Date.parse(event.lastTimestamp ?? event.eventTime ?? '');
  return Number.isNaN(time) ? 0 : time;
}
