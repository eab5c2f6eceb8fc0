import type { PodInstallation } from '../../../src/engines/kubernetes/settings.ts';
import { trainerJob, trainerPeers } from '../../../src/engines/kubernetes/trainer-job.ts';
import type { TrainingState } from '../../../src/protocol/training-api.ts';
import type { TrainingServer } from '../../../src/protocol/training-server.ts';
import { isNotFound } from '../../kube/base/kube-error.ts';
import type { WriteOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import type { KubeObject } from '../../kube/objects/kube-object.ts';
import { createOwned } from '../../kube/writes/create-owned.ts';
import { deleteObject } from '../../kube/writes/delete-object.ts';
import type { RuntimeSpec, TrainingRun } from '../shared/kinds.ts';
import { jobs, networkPolicies, services } from '../shared/kube-kinds.ts';
import type { Action } from './plan.ts';

export interface Work {
  readonly run: TrainingRun;
  readonly uid: string;
  readonly client: KubeClient;
  readonly server: TrainingServer;
  readonly call: WriteOptions;
  /** What a new Job is made from; with the frozen image. */
  readonly blueprint: () => Promise<{
    readonly runtime: RuntimeSpec;
    readonly installation: PodInstallation;
  }>;
  /** Told of each Job that was written. */
  readonly written: (job: KubeObject) => void;
}

/** The state after the action, where it changed. */
export async function carryOut(action: Action, work: Work): Promise<TrainingState | undefined> {
  const { call, client, run, server, uid } = work;
  switch (action.do) {
    case 'create':
      return await create(action, work);
    case 'tell-job': {
      const { attempt, jobUid } = action;
      return await server.trainingJob(uid, { attempt, jobUid }, call);
    }
    case 'ended':
      if (action.unless !== undefined && (await isThere(action.unless, work))) return undefined;
      return await server.trainerEnded(uid, action.body, call);
    case 'cancel':
      await server.cancelTraining(uid, action.body, call);
      return await server.training(uid, call);
    case 'delete': {
      const { name, uid: jobUid } = action.job;
      const metadata = { name, namespace: run.metadata.namespace, uid: jobUid };
      // The Job stays until its pods are gone: then its end is told.
      const options = { ...call, propagationPolicy: 'Foreground' } as const;
      await deleteObject(client.for(jobs), { metadata }, options);
      return undefined;
    }
  }
}

/** By a live read: a cache may be behind. */
async function isThere(name: string, { call, client, run }: Work): Promise<boolean> {
  try {
    await client.for(jobs).get({ namespace: run.metadata.namespace, name }, call);
    return true;
  } catch (thrown) {
    if (isNotFound(thrown)) return false;
    throw thrown;
  }
}

/** What several nodes need first, then the Job, its uid last: pods without it are told to wait. */
async function create(
  { attempt, name }: Extract<Action, { do: 'create' }>,
  { blueprint, call, client, run, server, uid, written }: Work,
): Promise<TrainingState> {
  const request = { run, name, ...(await blueprint()) };
  const peers = trainerPeers(request);
  if (peers !== undefined) {
    await createOwned(client.for(networkPolicies), bodyOf(peers.policy), run, call);
    await createOwned(client.for(services), bodyOf(peers.service), run, call);
  }
  const made = await createOwned(client.for(jobs), bodyOf(trainerJob(request)), run, call);
  written(made);
  return await server.trainingJob(uid, { attempt, jobUid: made.metadata.uid ?? '' }, call);
}

function bodyOf<T extends { apiVersion: string; kind: string }>(
  object: T,
): Omit<T, 'apiVersion' | 'kind'> {
  const { apiVersion: _version, kind: _kind, ...body } = object;
  return body;
}
