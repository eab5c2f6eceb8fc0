import type { TaskSource } from '../../../../src/api/task-source.ts';
import type { PlanRlBody } from '../../../../src/protocol/rl-api.ts';
import type { KubeClient } from '../../../kube/client/typed-client.ts';
import { type ReadSource, readTaskSource } from '../../shared/task-source.ts';
import type { RlOf } from './step-batch.ts';

export type ReadSources =
  | { readonly body: Pick<PlanRlBody, 'tasks' | 'evaluationTasks'>; readonly problem?: undefined }
  | { readonly problem: { readonly message: string; readonly waits: boolean } };

/** The tasks of a run and of its evaluations, read live: what is read is frozen. */
export async function readRlSources(
  client: KubeClient,
  namespace: string,
  { tasks, evaluation }: RlOf,
  signal: AbortSignal,
): Promise<ReadSources> {
  const read = (source: TaskSource) => readOne(client, namespace, source, signal);
  const training = at('spec.rl.tasks', await read(tasks));
  if (training.kind !== 'source') return notYet(training);
  const { tasks: apart } = evaluation ?? {};
  if (apart === undefined) return { body: { tasks: training.body } };
  const measured = at('spec.rl.evaluation.tasks', await read(apart));
  if (measured.kind !== 'source') return notYet(measured);
  return { body: { tasks: training.body, evaluationTasks: measured.body } };
}

async function readOne(
  client: KubeClient,
  namespace: string,
  source: TaskSource,
  signal: AbortSignal,
): Promise<ReadSource> {
  if (source.persistentVolumeClaim === undefined) {
    return await readTaskSource(client, namespace, source, signal);
  }
  return {
    kind: 'problem',
    reason: 'SourceUnsupported',
    message:
      'spec.tasks.persistentVolumeClaim: volumes are read for RolloutBatches alone; run one over the same volume, and name the digest in its status.taskSet here as digest',
  };
}

/** The words of a RolloutBatch's source, with the place where this one stands. */
function at(place: string, found: ReadSource): ReadSource {
  if (found.kind === 'source') return found;
  return { ...found, message: found.message.replace('spec.tasks', place) };
}

function notYet(found: Exclude<ReadSource, { kind: 'source' }>): ReadSources {
  const waits = found.kind === 'reading' || (found.kind === 'waiting' && !found.held);
  return { problem: { message: found.message, waits } };
}
