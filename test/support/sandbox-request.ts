import { rolloutBatch } from '../../src/api/rollout-batch.ts';
import type { PodBatch, SandboxJobRequest } from '../../src/engines/kubernetes/settings.ts';
import { zPodSettings } from '../../src/engines/kubernetes/settings.ts';
import type { Shape } from '../../src/protocol/operator-api.ts';

export const BATCH_UID = '0f5c3f0e-2f6b-4d6c-9a51-6c6f0e3f1a2b';

/** A batch as the API server gives it, with this in `spec`. */
export function podBatch(spec: object = {}, namespace = 'runs'): PodBatch {
  return rolloutBatch.schema.parse({
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'RolloutBatch',
    metadata: { name: 'nightly', namespace, uid: BATCH_UID },
    spec: {
      tasks: { digest: 'a'.repeat(64) },
      agent: { name: 'nop' },
      ...spec,
    },
  }) as PodBatch;
}

export const ROLLOUT_SHAPE: Shape = {
  id: 'k3x9',
  phase: 'rollout',
  image: 'pi',
  workspacePath: '/workspace',
  cpuMillis: 1000,
  memoryMiB: 768,
  diskMiB: 64,
  deadlineSeconds: 900,
  snapshotMiB: 64,
  gatewayLossSeconds: 120,
  verifierMounts: [],
  writableMounts: [],
};

export const VERIFY_SHAPE: Shape = {
  ...ROLLOUT_SHAPE,
  id: 'v7m2',
  phase: 'verify',
  image: 'runner',
  memoryMiB: 1024,
  deadlineSeconds: 300,
  verifierMounts: ['/tests', '/workspace/reward'],
  writableMounts: ['/logs/verifier'],
};

/** All that a Job is made of; the images are what the tests say. */
export function sandboxRequest(
  shape: Shape,
  over: {
    readonly batch?: PodBatch;
    readonly runner?: string;
    readonly hostnameOverride?: boolean;
    readonly imagePullPolicy?: 'Never';
  } = {},
): SandboxJobRequest {
  const runner = over.runner ?? 'clawgym-runner:1';
  return {
    batch: over.batch ?? podBatch(),
    job: {
      name: `nightly-0f5c3-${shape.id}-g1`,
      phase: shape.phase,
      generation: 1,
      shape,
      length: 40,
    },
    parallelism: 8,
    installation: {
      settings: zPodSettings.parse({
        images: { pi: 'clawgym-agent-pi:1', openclaw: 'clawgym-agent-openclaw:1', runner },
        imagePullPolicy: over.imagePullPolicy,
        server: { namespace: 'clawgym', podLabels: { 'app.kubernetes.io/component': 'server' } },
      }),
      server: { clusterIP: '10.96.0.77', caBundle: '-----BEGIN CERTIFICATE-----\nMII\n' },
      features: { hostnameOverride: over.hostnameOverride ?? true },
    },
  };
}
