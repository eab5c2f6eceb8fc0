import { asAttemptId, asBatchId } from '../../src/base/brand.ts';
import { sha256 } from '../../src/base/digest.ts';
import type { Shape } from '../../src/protocol/operator-api.ts';
import type { PodEvidence } from '../../src/protocol/pod-evidence.ts';
import type { ClaimRow, NewJob, WorkItem } from '../../src/store/cluster-records.ts';

/** Builders of a cluster's rows for tests: complete and valid, the fields under test overridden. */
export function aShape(over: Partial<Shape> = {}): Shape {
  return {
    id: 'abc12',
    phase: 'rollout',
    image: 'runner',
    workspacePath: '/workspace',
    cpuMillis: 250,
    memoryMiB: 256,
    diskMiB: 512,
    deadlineSeconds: 600,
    snapshotMiB: 64,
    gatewayLossSeconds: 120,
    verifierMounts: [],
    writableMounts: [],
    ...over,
  };
}

export function aJob(over: Partial<NewJob> = {}): NewJob {
  return {
    name: 'bench-12345-abc12-g1',
    batch: asBatchId('batch-1'),
    namespace: 'team-a',
    shape: aShape(),
    generation: 1,
    createdAt: 1_000,
    ...over,
  };
}

export const rolloutItems = (...positions: number[]): WorkItem[] =>
  positions.map((position) => ({ kind: 'rollout', position }));

export function aClaimRow(over: Partial<ClaimRow> = {}): ClaimRow {
  return {
    podUid: 'pod-1',
    role: 'companion',
    batch: asBatchId('batch-1'),
    job: 'bench-12345-abc12-g1',
    index: 0,
    item: { kind: 'rollout', position: 0 },
    attempt: asAttemptId('batch-1/task-0/0#1'),
    credentialHash: sha256('credential'),
    linkBearerHash: sha256('link'),
    nonce: 'nonce-1',
    reads: [sha256('input')],
    createdAt: 2_100,
    ...over,
  };
}

export function someEvidence(over: Partial<PodEvidence> = {}): PodEvidence {
  return {
    podUid: 'pod-1',
    podName: 'bench-12345-abc12-g1-0-x7k2p',
    jobName: 'bench-12345-abc12-g1',
    jobUid: 'job-uid-1',
    index: 0,
    phase: 'Failed',
    gone: false,
    containers: [
      { name: 'agent', state: 'terminated', terminated: { exitCode: 137, reason: 'OOMKilled' } },
    ],
    ...over,
  };
}
