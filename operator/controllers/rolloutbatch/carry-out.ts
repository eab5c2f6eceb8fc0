import type { PodInstallation } from '../../../src/engines/kubernetes/settings.ts';
import type { ClawGymServer } from '../../../src/protocol/claw-gym-server.ts';
import type { JobState } from '../../../src/protocol/operator-api.ts';
import { LABELS } from '../../../src/protocol/pod-contract.ts';
import type { Clock } from '../../kube/base/clock.ts';
import { isConflict, isNotFound } from '../../kube/base/kube-error.ts';
import type { WriteOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import type { KubeObject } from '../../kube/objects/kube-object.ts';
import { stampSeconds } from '../../kube/objects/time-stamps.ts';
import { createOwned } from '../../kube/writes/create-owned.ts';
import { deleteObject } from '../../kube/writes/delete-object.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { jobs } from '../shared/kube-kinds.ts';
import { ENDING, LOWERED_AT } from '../shared/marks.ts';
import { deletePodsOf, evictPod } from '../shared/pod-deletions.ts';
import type { Action } from './action.ts';
import type { EndingCause, JobFact } from './observed.ts';
import { childJob } from './resources.ts';

export interface Work {
  readonly batch: RolloutBatch;
  readonly uid: string;
  readonly client: KubeClient;
  readonly server: ClawGymServer;
  readonly installation: PodInstallation;
  readonly call: WriteOptions;
  readonly clock: Clock;
  /** Version of the pod cache that the plan was made from. */
  readonly podsVersion: string | undefined;
  /** Why the batch ends undone. */
  readonly endReason: string;
  /** Lets a deletion of pods go on beside the looks at the batch. */
  readonly sweep: (deletion: () => Promise<void>) => void;
  /** Told of each Job that was written. */
  readonly written: (job: KubeObject) => void;
}

/** True where objects of the cluster changed, so that the caches are behind now. */
export async function carryOut(action: Action, work: Work): Promise<boolean> {
  const { batch, call, client, server, uid } = work;
  switch (action.do) {
    case 'new': {
      const { name, shape, generation, max } = action;
      const job = await server.newJob(uid, { name, shapeId: shape.id, generation, max }, call);
      await create(job, Math.min(action.parallelism, job.length), work);
      return true;
    }
    case 'create':
      await create(action.job, action.parallelism, work);
      return true;
    case 'tell-uid':
      await server.jobCreated(uid, action.name, action.uid, call);
      return false;
    case 'resize':
      await resize(action, work);
      return true;
    case 'end':
      await end(action.job, action.cause, work);
      return true;
    case 'over':
      await server.jobOver(uid, action.name, action.cause, call);
      return false;
    case 'evict':
      await evictPod(client, batch.metadata.namespace, action.pod, call);
      return true;
    case 'sweep':
      work.sweep(() => deletePodsOf(client, batch.metadata.namespace, sweepOf(work), call));
      return true;
    case 'cancel':
      await server.cancel(uid, work.endReason, call);
      return false;
    case 'finish':
      await server.finish(uid, call);
      return false;
    case 'look':
      return false;
  }
}

const sweepOf = ({ uid, podsVersion }: Work) => ({
  labels: { [LABELS.batch]: uid },
  asOf: podsVersion,
});

/** The Job after its rows, its uid after the Job: pods of a Job without a uid are told to wait. */
async function create(job: JobState, parallelism: number, work: Work): Promise<void> {
  const { batch, call, client, installation, server, uid } = work;
  const object = childJob(batch, job, parallelism, installation);
  const { apiVersion: _version, kind: _kind, ...body } = object;
  const made = await createOwned(client.for(jobs), body, batch, call);
  work.written(made);
  await server.jobCreated(uid, job.name, made.metadata.uid ?? '', call);
}

async function resize(
  { job, parallelism, lowering }: Extract<Action, { do: 'resize' }>,
  work: Work,
): Promise<void> {
  const { batch, call, client, clock } = work;
  const annotations = { [LOWERED_AT]: stampSeconds(clock.now()) };
  const metadata = { uid: job.uid, ...(lowering ? { annotations } : {}) };
  const body = { metadata, spec: { parallelism } };
  const key = { namespace: batch.metadata.namespace, name: job.name };
  try {
    work.written(await client.for(jobs).patch(key, { type: 'merge', body }, call));
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
  }
}

/** Marked first: what goes with it is then known to be ours, also after a crash. */
async function end(job: JobFact, cause: EndingCause, work: Work): Promise<void> {
  const { batch, call, client } = work;
  const { name, uid } = job;
  const { namespace } = batch.metadata;
  const body = { metadata: { uid, annotations: { [ENDING]: cause } } };
  try {
    if (job.ending === undefined)
      work.written(
        await client.for(jobs).patch({ namespace, name }, { type: 'merge', body }, call),
      );
    const metadata = { namespace, name, uid };
    await deleteObject(
      client.for(jobs),
      { metadata },
      { ...call, propagationPolicy: 'Foreground' },
    );
  } catch (thrown) {
    // Another one under its name, or none: not the one that was to end.
    if (!isNotFound(thrown) && !isConflict(thrown)) throw thrown;
  }
}
