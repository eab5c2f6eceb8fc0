import { describe, expect, test } from 'vitest';
import { ROLLOUT_SHAPE, sandboxRequest } from '../../../test/support/sandbox-request.ts';
import { strictProblems } from '../../../test/support/strict-objects.ts';
import {
  sampleTrainingRun,
  sampleTrainingRuntime,
} from '../../../test/support/training-samples.ts';
import { trainingRun } from '../../api/training-run.ts';
import { trainingRuntime } from '../../api/training-runtime.ts';
import { trainerJob, trainerPeers } from './trainer-job.ts';
import type { TrainerJobRequest } from './trainer-request.ts';

const { installation } = sandboxRequest(ROLLOUT_SHAPE);

function request(trainer: object = {}, runtime: Record<string, unknown> = {}): TrainerJobRequest {
  const run = trainingRun.schema.parse(sampleTrainingRun());
  return {
    run: {
      ...run,
      metadata: { name: 'sft-small', namespace: 'team-a', uid: 'uid-1' },
      spec: { ...run.spec, trainer: { ...run.spec.trainer, ...trainer } },
    },
    runtime: trainingRuntime.schema.parse(sampleTrainingRuntime(runtime)).spec,
    name: 'sft-small-uid1-t2',
    installation,
  };
}
const podOf = (asked: TrainerJobRequest) => trainerJob(asked).spec.template.spec;

describe('the Job of a start', () => {
  test('has every field right, of one node and of several', () => {
    expect(strictProblems(trainerJob(request()))).toEqual([]);
    const wide = request({ nodes: 4 });
    expect(strictProblems(trainerJob(wide))).toEqual([]);
    const { service, policy } = trainerPeers(wide) ?? {};
    expect(strictProblems(service)).toEqual([]);
    expect(strictProblems(policy)).toEqual([]);
    expect(trainerPeers(request())).toBeUndefined();
  });

  test('ends with the first pod that ends before its time', () => {
    const { spec, metadata } = trainerJob(request({ nodes: 4 }));
    expect(spec).toMatchObject({ completions: 4, parallelism: 4, backoffLimit: 0 });
    expect(spec.podFailurePolicy.rules).toEqual([
      { action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      {
        action: 'Ignore',
        onExitCodes: { containerName: 'fetch', operator: 'In', values: [43] },
      },
      {
        action: 'FailJob',
        onExitCodes: { containerName: 'trainer', operator: 'NotIn', values: [0] },
      },
    ]);
    expect(metadata.labels).toMatchObject({ 'kueue.x-k8s.io/queue-name': 'gpu' });
    expect(spec).not.toHaveProperty('suspend');
  });

  test('asks for GPUs by their resource, and for what the run says before the runtime', () => {
    const [trainer] = podOf(request({ gpuResource: 'example.com/gpu' })).containers;
    expect(trainer?.resources.limits).toEqual({ memory: '400Gi', 'example.com/gpu': '8' });
    const [own] = podOf(
      request({ gpusPerNode: 0 }, { trainer: { image: IMAGE, gpus: 2 } }),
    ).containers;
    expect(own?.resources.limits).toMatchObject({ 'nvidia.com/gpu': '2' });
  });

  test('has as many threads as CPUs, shared by the processes of its GPUs', () => {
    const threads = (trainer: object, resources: object) => {
      const runtime = { trainer: { image: IMAGE, resources } };
      const [container] = podOf(request({ resources: undefined, ...trainer }, runtime)).containers;
      const found = container?.env.find(({ name }) => name === 'OMP_NUM_THREADS');
      return found && 'value' in found ? found.value : undefined;
    };
    expect(threads({ gpusPerNode: 0 }, { cpu: '2' })).toBe('2');
    expect(threads({ gpusPerNode: 8 }, { cpu: '96' })).toBe('12');
    expect(threads({ gpusPerNode: 0, resources: { cpu: '4' } }, { cpu: '2' })).toBe('4');
    expect(threads({ gpusPerNode: 0 }, {})).toBeUndefined();
  });

  test('gives the trainer neither token nor address, and nothing to write but its outputs', () => {
    const pod = podOf(request());
    const [trainer] = pod.containers;
    const mounts = trainer?.volumeMounts ?? [];
    expect(mounts.map(({ name }) => name)).toEqual(['in', 'out', 'spec', 'tmp', 'shm']);
    expect(mounts.filter(({ readOnly }) => readOnly).map(({ name }) => name)).toEqual([
      'in',
      'spec',
    ]);
    const names = trainer?.env.map(({ name }) => name) ?? [];
    for (const name of names) expect(name).not.toMatch(/^CLAWGYM_/);
    expect(trainer?.env).toContainEqual({ name: 'OMP_NUM_THREADS', value: '8' });
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    expect(pod.initContainers.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([
      ['fetch', undefined],
      ['report', 'Always'],
    ]);
    for (const container of [...pod.containers, ...pod.initContainers]) {
      expect(container.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
      });
    }
  });

  test('lets a last checkpoint reach the server, with a token that lives as long', () => {
    const pod = podOf(request());
    expect(pod.terminationGracePeriodSeconds).toBe(120 + 900);
    const token = pod.volumes.find(({ name }) => name === 'token');
    expect(token).toMatchObject({
      projected: { sources: [{ serviceAccountToken: { audience: 'clawgym/training' } }] },
    });
  });

  test('of several nodes tells torchrun who they are', () => {
    const [trainer] = podOf(request({ nodes: 2 })).containers;
    const env = new Map(trainer?.env.map((one) => [one.name, 'value' in one ? one.value : '']));
    expect(env.get('PET_NNODES')).toBe('2');
    expect(env.get('PET_NPROC_PER_NODE')).toBe('8');
    expect(env.get('PET_MASTER_ADDR')).toBe('sft-small-uid1-t2-0.sft-small-uid1-t2');
    expect(podOf(request({ nodes: 2 }))).toMatchObject({ dnsPolicy: 'ClusterFirst' });
    expect(podOf(request())).toMatchObject({ dnsPolicy: 'None' });
  });
});

const IMAGE = `trainer@sha256:${'a'.repeat(64)}`;
