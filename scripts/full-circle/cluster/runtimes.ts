/** Of the two that runs take which name none. */
export const RUNTIMES = ['sft', 'rl'] as const;

export interface RuntimeSettings {
  /** Image of the trainer by digest. */
  readonly image: string;
  /** GPUs of a trainer; 0: it trains on CPUs. */
  readonly gpus?: number;
  readonly nodeSelector?: Readonly<Record<string, string>>;
}

/** One thread each, which is the quickest for so small a model; a node with little to spare has room. */
const RESOURCES = { cpu: '250m', memory: '2Gi' };

/** The TrainingRuntimes `sft` and `rl` of a namespace, for a model of two layers. */
export function runtimeObjects({ image, gpus = 0, nodeSelector }: RuntimeSettings): object {
  const container = (module: string) => ({
    ...{ image, resources: RESOURCES },
    command: ['python', '-m', `clawgym_trainer.${module}`],
  });
  const common = {
    capabilities: { methods: ['full'], cpu: true, maxGpusPerNode: 1 },
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
  };
  // Without a command: the policy server of the image.
  const policyServer = { image, resources: RESOURCES };
  const items = [
    runtime('sft', { ...common, contract: 'sft/v1', trainer: { ...container('sft'), gpus } }),
    runtime('rl', {
      ...common,
      contract: 'rl-tokens/v1',
      trainer: { ...container('token_grpo'), gpus },
      policyServer,
    }),
  ];
  return { apiVersion: 'v1', kind: 'List', items };
}

function runtime(name: (typeof RUNTIMES)[number], spec: object): object {
  const metadata = { name, labels: { app: 'full-circle' } };
  return { apiVersion: 'clawgym.io/v1alpha1', kind: 'TrainingRuntime', metadata, spec };
}
