import { describe, expect, test } from 'vitest';
import { podBatch, ROLLOUT_SHAPE, sandboxRequest } from '../../../test/support/sandbox-request.ts';
import { strictProblems } from '../../../test/support/strict-objects.ts';
import { importFinding, zImportPod } from './import-finding.ts';
import { importPod } from './import-pod.ts';

const { installation } = sandboxRequest(ROLLOUT_SHAPE);
const batch = podBatch({ sandbox: { nodeSelector: { pool: 'sandboxes' } } });
const source = { claimName: 'suite', path: 'a/$(CLAWGYM_SERVER_CA)' };
const pod = importPod('nightly-0f5c3-import', batch, installation, source);

describe('the pod that reads a volume', () => {
  test('has every field right, belongs to the batch and is counted by nobody', () => {
    expect(strictProblems(pod)).toEqual([]);
    expect(pod.metadata.ownerReferences).toMatchObject([{ name: 'nightly', controller: true }]);
    expect(pod.metadata.labels).toMatchObject({ 'clawgym.io/sandbox': 'true' });
    expect(pod.metadata.labels).not.toHaveProperty('clawgym.io/batch-uid');
    expect(pod.spec.nodeSelector).toEqual({ pool: 'sandboxes' });
  });

  test('writes nothing on the volume and holds a token that is good for an import alone', () => {
    expect(pod.spec.volumes[1]).toEqual({
      name: 'source',
      persistentVolumeClaim: { claimName: 'suite', readOnly: true },
    });
    const [container] = pod.spec.containers;
    expect(container?.volumeMounts.find(({ name }) => name === 'source')).toEqual({
      ...{
        name: 'source',
        mountPath: '/clawgym/source',
        readOnly: true,
        recursiveReadOnly: 'IfPossible',
      },
    });
    const [projected] = pod.spec.volumes[0]?.projected?.sources ?? [];
    expect(projected?.serviceAccountToken.audience).toBe('clawgym/import');
    expect(container?.securityContext.readOnlyRootFilesystem).toBe(true);
  });

  test('takes the path as it stands, which the kubelet would change', () => {
    expect(pod.spec.containers[0]?.command.at(-1)).toBe('a/$$(CLAWGYM_SERVER_CA)');
  });
});

describe('the finding', () => {
  const finding = (status: object) => importFinding(zImportPod.parse({ status }));
  const ended = (end: object, phase = 'Failed') =>
    finding({ phase, containerStatuses: [{ name: 'import', state: { terminated: end } }] });
  const said = (message: object) => ended({ exitCode: 1, message: JSON.stringify(message) });

  test('is the digest that was stored', () => {
    const digest = 'd'.repeat(64);
    const message = JSON.stringify({ digest, tasks: 3 });
    expect(ended({ exitCode: 0, message }, 'Succeeded')).toEqual({ kind: 'done', digest });
  });

  test('is what the program says is wrong, told apart by who can do something', () => {
    const message = 'path "x": the volume has no such file or folder';
    expect(said({ problem: { code: 'NotFound', message } })).toEqual({
      ...{ kind: 'problem', notFound: true, message },
    });
    expect(said({ problem: { code: 'InvalidTask', message: 'bad' } })).toEqual({
      ...{ kind: 'problem', notFound: false, message: 'bad' },
    });
    for (const code of ['Timeout', 'Cancelled', 'Fenced']) {
      expect(said({ problem: { code, message: 'away' } })).toEqual({
        ...{ kind: 'again', message: 'away' },
      });
    }
  });

  test('is read from the pod where the program could say nothing', () => {
    const killed = ended({ exitCode: 137, reason: 'OOMKilled' });
    expect(killed).toMatchObject({
      kind: 'problem',
      message: expect.stringMatching(/768 MiB.*packed/) as string,
    });
    const unmounted = finding({ phase: 'Failed', reason: 'DeadlineExceeded' });
    expect(unmounted).toMatchObject({
      ...{ kind: 'problem', message: expect.stringContaining('was not mounted') as string },
    });
    const evicted = finding({
      phase: 'Failed',
      reason: 'Evicted',
      message: 'node is low\non disk',
    });
    expect(evicted).toEqual({ kind: 'again', message: 'Evicted: node is low on disk' });
    expect(finding({ phase: 'Failed' })).toMatchObject({ kind: 'again' });
    const hostile = ended({ exitCode: 1, reason: 'Error', message: '{"digest": "../../x"}' });
    expect(hostile).toMatchObject({ kind: 'again' });
  });

  test('says why the pod has not started', () => {
    const conditions = [
      {
        ...{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' },
        message: '0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.',
      },
    ];
    expect(finding({ phase: 'Pending', conditions })).toMatchObject({
      ...{
        kind: 'waiting',
        message: expect.stringMatching(/no node: .*unbound immediate/) as string,
      },
    });
    const waiting = { reason: 'ErrImagePull', message: 'no such image' };
    const containerStatuses = [{ name: 'import', state: { waiting } }];
    expect(finding({ phase: 'Pending', containerStatuses })).toMatchObject({
      ...{ message: 'its pod does not start: ErrImagePull: no such image' },
    });
    expect(finding({ phase: 'Running' })).toEqual({
      kind: 'waiting',
      message: 'its pod is at work',
    });
  });
});
