import { expect, it } from 'vitest';
import { strictProblems } from '../../../test/support/strict-objects.ts';
import { AUDIENCES } from '../../protocol/pod-contract.ts';
import { policyIngress } from './policy-ingress.ts';
import { policyPod } from './policy-pod.ts';
import { zPodSettings } from './settings.ts';

const IMAGE = `registry.example.com/trainer@sha256:${'a'.repeat(64)}`;
const settings = zPodSettings.parse({
  images: { pi: 'pi', openclaw: 'openclaw', runner: 'runner' },
  server: { namespace: 'clawgym', podLabels: { app: 'server' } },
});
const owner = {
  ...{ apiVersion: 'clawgym.io/v1alpha1', kind: 'RolloutBatch' },
  metadata: { name: 'b', namespace: 'team-a', uid: 'uid-1' },
};

function made(more: object = {}, runtime: object = {}) {
  return policyPod({
    ...{ name: 'b-x-policy', owner, model: 'my-model', version: 3, gpuResource: 'nvidia.com/gpu' },
    runtime: { policyServer: { image: IMAGE, gpus: 0, ...more }, ...runtime },
    installation: {
      settings,
      server: { clusterIP: '10.0.0.1', caBundle: 'PEM' },
      features: { hostnameOverride: true },
    },
  });
}
const envOf = (pod: ReturnType<typeof made>) =>
  Object.fromEntries(
    pod.spec.containers[0]?.env.flatMap((one) => ('value' in one ? [[one.name, one.value]] : [])) ??
      [],
  );

it('is what the API server takes, and behind the policies of a sandbox', () => {
  const pod = made();
  expect(strictProblems(pod)).toEqual([]);
  expect(strictProblems(policyIngress('team-a', settings.server))).toEqual([]);
  expect(pod.metadata.labels).toMatchObject({
    ...{ 'clawgym.io/sandbox': 'true', 'clawgym.io/policy': 'true' },
  });
  expect(pod.metadata.ownerReferences).toMatchObject([{ uid: 'uid-1', controller: true }]);
});

it('gives the policy server the model and the key, and no token and no address', () => {
  const { spec } = made();
  const [server] = spec.containers;
  const mounts = server?.volumeMounts.map(({ name, readOnly = false }) => [name, readOnly]);
  expect(mounts).toEqual([
    ...[
      ['models', true],
      ['key', true],
    ],
    ...[
      ['tmp', false],
      ['shm', false],
    ],
  ]);
  expect(envOf(made())).toMatchObject({
    POLICY_MODEL: '/clawgym/models/v-3',
    POLICY_TEMPLATE: '/clawgym/models/v-3/chat_template.jinja',
    POLICY_NAME: 'my-model',
    POLICY_PORT: '8000',
    POLICY_KEY_FILE: '/clawgym/key/key',
  });
  const token = spec.volumes.find(({ name }) => name === 'token');
  expect(token).toMatchObject({
    projected: { sources: [{ serviceAccountToken: { audience: AUDIENCES.policy } }] },
  });
  const holders = [...spec.initContainers, ...spec.containers].filter(({ volumeMounts }) =>
    volumeMounts.some(({ name }) => name === 'token'),
  );
  expect(holders.map(({ name }) => name)).toEqual(['fetch', 'report']);
});

it('starts the trainer’s own server, or what the runtime says, by the names of its variables', () => {
  const own = made().spec.containers[0]?.command?.join(' ');
  expect(own).toMatch(/clawgym_trainer\.policy_server --model \$\(POLICY_MODEL\).*--token-file/);
  const command = ['vllm', 'serve', '$(POLICY_MODEL)'];
  const given = made({ command, env: { POLICY_NAME: 'x', HF_HOME: '/tmp/hf' } });
  expect(given.spec.containers[0]?.command).toEqual(command);
  expect(envOf(given)).toMatchObject({ POLICY_NAME: 'my-model', HF_HOME: '/tmp/hf' });
});

it('has as many threads as CPUs, unless the runtime says how many', () => {
  const resources = { cpu: '2500m' };
  expect(envOf(made({ resources }))).toMatchObject({ OMP_NUM_THREADS: '2' });
  const env = { OMP_NUM_THREADS: '7' };
  expect(envOf(made({ resources, env }))).toMatchObject(env);
  expect(envOf(made())).not.toHaveProperty('OMP_NUM_THREADS');
});

it('asks for GPUs, memory and nodes as the runtime says', () => {
  const resources = { cpu: '8', memory: '64Gi', ephemeralStorage: '100Gi' };
  const server = { gpus: 2, resources, sharedMemoryMiB: 1024 };
  const { spec } = made(server, { nodeSelector: { pool: 'gpu' } });
  expect(spec.containers[0]?.resources).toEqual({
    requests: {
      ...{ cpu: '8', memory: '64Gi', 'ephemeral-storage': '100Gi', 'nvidia.com/gpu': '2' },
    },
    limits: { memory: '64Gi', 'ephemeral-storage': '100Gi', 'nvidia.com/gpu': '2' },
  });
  expect(spec.nodeSelector).toEqual({ pool: 'gpu' });
  expect(spec.volumes).toContainEqual({
    ...{ name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: '1024Mi' } },
  });
});
