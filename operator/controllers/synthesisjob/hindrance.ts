import type { SynthesisState } from '../../../src/protocol/synthesis-server.ts';
import { findCondition } from '../../kube/objects/conditions.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { isOver } from '../shared/life.ts';
import { placeOf } from '../shared/place.ts';
import type { SandboxPod } from '../shared/pods.ts';
import type { Hindrance } from './status.ts';

const MAX_WORDS = 1000;
const PULLING: ReadonlySet<string> = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'ErrImageNeverPull',
]);

/** What the server knows that holds the job up. */
export function ofServer({ modelHold, failure }: SynthesisState): Hindrance | undefined {
  if (modelHold !== undefined) return { ...modelHold, waits: modelHold.reason === 'AskingModel' };
  if (failure === undefined) return undefined;
  const message = `${failure.message}; the worker is started again and goes on where it stopped`;
  return { reason: 'WorkerFailing', message };
}

/** What holds the pod of the worker up, where one is there and does not run. */
export function ofWorkerPods(pods: readonly SandboxPod[]): Hindrance | undefined {
  for (const { status } of pods) {
    if (status?.phase !== 'Pending') continue;
    const unplaced = status.conditions?.find(
      ({ type, status: holds }) => type === 'PodScheduled' && holds === 'False',
    );
    if (unplaced?.message)
      return {
        reason: 'Unschedulable',
        message: `the worker finds no node: ${unplaced.message.slice(0, MAX_WORDS)}`,
        waits: true,
      };
    const waiting = status.containerStatuses?.[0]?.state?.waiting;
    if (waiting?.reason === undefined || !PULLING.has(waiting.reason)) continue;
    const words = [waiting.reason, waiting.message].filter(Boolean).join(': ');
    return {
      reason: 'ImagePullFailing',
      message: `the worker does not start: ${words.slice(0, MAX_WORDS)}`,
    };
  }
  return undefined;
}

/** A gate run that waits for somebody: the rest of the job waits for it. */
export function ofBatches(batches: readonly RolloutBatch[]): Hindrance | undefined {
  for (const batch of batches) {
    const stalled = findCondition(batch.status?.conditions, 'Stalled');
    if (stalled?.status !== 'True' || isOver(batch)) continue;
    const message = `RolloutBatch ${placeOf(batch)}: ${stalled.message}`;
    return { reason: 'GatesStalled', message };
  }
  return undefined;
}
