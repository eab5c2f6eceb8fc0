import type { Cache } from '../../kube/cache/cache.ts';
import { controllerOf } from '../../kube/objects/owner-references.ts';
import type { Job } from '../shared/kube-kinds.ts';

/** Jobs by uid, also those that are gone: their marks say why their pods went. In memory only. */
export class LastSeenJobs {
  readonly #gone = new Map<string, Map<string, Job>>();
  readonly #jobs: Cache<Job>;

  constructor(jobs: Cache<Job>) {
    this.#jobs = jobs;
    jobs.subscribe((change) => {
      if (change.type === 'deleted') this.#deleted(change.object);
    });
  }

  get(batchUid: string, jobUid: string): Job | undefined {
    const present = this.#jobs.byIndex('owner', batchUid);
    return (
      present.find(({ metadata }) => metadata.uid === jobUid) ??
      this.#gone.get(batchUid)?.get(jobUid)
    );
  }

  /** The batch is over or gone. */
  forget(batchUid: string): void {
    this.#gone.delete(batchUid);
  }

  #deleted(job: Job): void {
    const batchUid = controllerOf(job)?.uid;
    // Without marks there is nothing to remember.
    if (batchUid === undefined || job.metadata.annotations === undefined) return;
    const ofBatch = this.#gone.get(batchUid) ?? new Map<string, Job>();
    ofBatch.set(job.metadata.uid ?? '', job);
    this.#gone.set(batchUid, ofBatch);
  }
}
