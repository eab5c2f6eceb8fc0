import { expect, test } from 'vitest';
import { evidenceOfPod, zPodForEvidence } from '../../../src/protocol/evidence-of-pod.ts';
import { INDEX_ANNOTATION, LABELS } from '../../../src/protocol/pod-contract.ts';
import { podProjection, sandboxPods } from './pods.ts';

const STAMP = '2026-11-21T08:00:00Z';

/** A pod whose sidecar is started again and again, with much that nobody reads. */
const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    ...{ name: 'a', namespace: 'n', uid: 'u', resourceVersion: '7' },
    ...{ deletionTimestamp: STAMP, deletionGracePeriodSeconds: 30 },
    labels: { [LABELS.batch]: 'b', other: 'label' },
    annotations: { [INDEX_ANNOTATION]: '3', other: 'annotation' },
    ownerReferences: [
      { apiVersion: 'batch/v1', kind: 'Job', name: 'job', uid: 'j', controller: true },
    ],
  },
  spec: { nodeName: 'node', containers: [{ name: 'agent', image: 'i' }] },
  status: {
    phase: 'Pending',
    reason: 'Why',
    message: 'words',
    hostIP: '10.0.0.1',
    conditions: [
      { type: 'PodScheduled', status: 'True', lastTransitionTime: STAMP },
      { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' },
      { type: 'Ready', status: 'False' },
    ],
    initContainerStatuses: [
      { name: 'stage', image: 'i', state: { terminated: { exitCode: 0, startedAt: STAMP } } },
      {
        name: 'companion',
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated: { exitCode: 1, startedAt: STAMP, finishedAt: STAMP } },
      },
    ],
    containerStatuses: [{ name: 'agent', state: { running: { startedAt: STAMP } }, lastState: {} }],
  },
};

test('what is kept of a pod gives the same evidence as the whole of it', () => {
  const whole = evidenceOfPod(zPodForEvidence.parse(POD), { gone: false });
  const kept = podProjection(sandboxPods.parse(POD));
  expect(evidenceOfPod(zPodForEvidence.parse(kept), { gone: false })).toEqual(whole);
  expect(whole?.containers[1]).toMatchObject({ state: 'waiting', terminated: { exitCode: 1 } });
  expect(JSON.stringify(kept).length).toBeLessThan(JSON.stringify(POD).length);
});
