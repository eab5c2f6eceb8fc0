import { DIGEST } from './sample-objects.ts';

type Json = Record<string, unknown>;

/** One rich, valid object of each kind that trains; tests change them one place at a time. */
export function sampleTrainingRun(spec: Json = {}): Json {
  return {
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'TrainingRun',
    metadata: { name: 'sft-small' },
    spec: {
      runtimeRef: { name: 'sft' },
      base: { artifact: `sha256:${DIGEST}` },
      data: { from: { batches: ['teacher'], minScore: '0.5', validationPercent: 10 } },
      method: { type: 'lora', rank: 16, alpha: 32, targets: 'all-linear' },
      context: {
        maxTokens: 65_536,
        rope: { type: 'yarn', factor: '2.0', originalMaxTokens: 32_768 },
      },
      hyper: { learningRate: '1e-5', epochs: 3, globalBatch: 128, microBatch: 2 },
      seed: 7,
      deterministic: true,
      checkpoint: { everySteps: 50, keep: 3 },
      retries: { failures: 1 },
      trainer: {
        nodes: 1,
        gpusPerNode: 8,
        resources: { memory: '400Gi' },
        nodeSelector: { 'example.com/pool': 'gpu' },
        tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists' }],
        queueName: 'gpu',
      },
      activeDeadlineSeconds: 86_400,
      managedBy: 'example.com/controller',
      ...spec,
    },
  };
}

export const sampleRl = (part: Json = {}): Json => ({
  steps: 40,
  tasks: { digest: DIGEST },
  agent: { name: 'pi' },
  sampling: { temperature: '1.0', topP: '1' },
  groups: { perStep: 8, samples: 8, minSamples: 4 },
  ...part,
});

export const sampleTrainingRuntime = (spec: Json = {}): Json => runtime('TrainingRuntime', spec);

export const sampleClusterTrainingRuntime = (spec: Json = {}): Json =>
  runtime('ClusterTrainingRuntime', spec);

function runtime(kind: string, spec: Json): Json {
  return {
    apiVersion: 'clawgym.io/v1alpha1',
    kind,
    metadata: { name: 'sft' },
    spec: {
      contract: 'sft/v1',
      capabilities: { methods: ['full', 'lora'], maxTokens: 65_536, cpu: true },
      trainer: {
        image: `example.com/trainer@sha256:${DIGEST}`,
        command: ['python', '-m', 'clawgym_trainer.sft'],
        env: { OMP_NUM_THREADS: '8' },
        gpus: 1,
        sharedMemoryMiB: 8192,
      },
      nodeSelector: { 'example.com/pool': 'gpu' },
      tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists' }],
      ...spec,
    },
  };
}
