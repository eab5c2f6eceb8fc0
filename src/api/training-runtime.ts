import { z } from 'zod';
import { defineResource, type PrinterColumn } from './define-resource.ts';
import { zInt32, zText } from './fields.ts';
import { CATEGORIES, GROUP, VERSION } from './group.ts';
import { zAtomicList, zScalarSet } from './lists.ts';
import { zStringMap } from './map-field.ts';
import { placementFields } from './pod-placement.ts';
import { AGE_COLUMN } from './printer-columns.ts';
import { withRules } from './rules.ts';
import { zPodResources } from './trainer-pods.ts';
import { METHODS } from './training-method.ts';

/** The contracts between the operator and a trainer (docs/reference/sft.md, rl-tokens.md). */
export const CONTRACTS = ['sft/v1', 'rl-tokens/v1'] as const;

const zContainer = z
  .object({
    image: zText(512)
      .regex(/^[^\s@]+@sha256:[0-9a-f]{64}$/, 'expected an image by digest: NAME@sha256:…')
      .describe('Image by digest: what trained must be known later.'),
    command: zAtomicList(zText(4096).describe('Program or argument.'), {
      min: 1,
      max: 64,
      description:
        "Program and arguments. Absent: the image's own; of a policy server, that of the trainer's image. It may name the POLICY_ variables of a policy server as $(NAME).",
    }).optional(),
    env: zStringMap({
      keyPattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
      keyHint: 'expected names of environment variables',
      maxKeyLength: 128,
      maxProperties: 64,
      maxValueLength: 4096,
      description: 'Environment variables; no secrets.',
    }).optional(),
    resources: zPodResources.optional(),
    gpus: zInt32(0, 64).default(0).describe('GPUs, where the run names no number.'),
    sharedMemoryMiB: zInt32(1).optional().describe('Size of /dev/shm. Absent: the default.'),
  })
  .describe('One container.');

const zRuntimeSpec = withRules(
  z
    .object({
      contract: z
        .enum(CONTRACTS)
        .describe('sft/v1: supervised; rl-tokens/v1: reinforcement from token batches.'),
      capabilities: z
        .object({
          methods: zScalarSet(z.enum(METHODS).describe('A method.'), {
            min: 1,
            max: METHODS.length,
            description: 'Methods that it can.',
          }),
          maxTokens: zInt32(16).optional().describe('Longest context. Absent: no bound.'),
          maxNodes: zInt32(1, 1024).default(1).describe('Most pods that train together.'),
          maxGpusPerNode: zInt32(0, 64)
            .optional()
            .describe('Most GPUs that each pod of it can use. Absent: no bound.'),
          cpu: z.boolean().default(false).describe('True: it also trains without a GPU.'),
        })
        .describe(
          'What runs may ask of it; a run that asks for more does not start, and says why.',
        ),
      trainer: zContainer.describe('What trains.'),
      policyServer: zContainer
        .optional()
        .describe('What serves models of ours to agents, with the wire of vLLM.'),
      ...placementFields('trainer pods'),
    })
    .describe('How a trainer is run; a run adds what is its own.'),
  [
    {
      rule: "(self.contract == 'rl-tokens/v1') == has(self.policyServer)",
      message: 'policyServer is required for the contract rl-tokens/v1 and refused for every other',
      holds: ({ contract, policyServer }) =>
        (contract === 'rl-tokens/v1') === (policyServer !== undefined),
    },
  ],
);

const COLUMNS: readonly PrinterColumn[] = [
  { name: 'Contract', type: 'string', jsonPath: '.spec.contract', description: 'Its contract.' },
  {
    name: 'Image',
    type: 'string',
    jsonPath: '.spec.trainer.image',
    description: 'What trains.',
    priority: 1,
  },
  AGE_COLUMN,
];

const common = {
  group: GROUP,
  version: VERSION,
  categories: CATEGORIES,
  reconciled: false,
  spec: zRuntimeSpec,
  status: z.object({}).describe('None.'),
  printerColumns: COLUMNS,
  selectableFields: ['.spec.contract'],
  immutable: [],
  validations: [],
} as const;

export const trainingRuntime = defineResource({
  ...common,
  kind: 'TrainingRuntime',
  plural: 'trainingruntimes',
  singular: 'trainingruntime',
  shortNames: ['truntime'],
  description: 'A TrainingRuntime says how the trainer of a TrainingRun is run, for one namespace.',
});
export type TrainingRuntime = z.infer<typeof trainingRuntime.schema>;

export const clusterTrainingRuntime = defineResource({
  ...common,
  kind: 'ClusterTrainingRuntime',
  plural: 'clustertrainingruntimes',
  singular: 'clustertrainingruntime',
  shortNames: ['ctruntime'],
  scope: 'Cluster',
  // Not in `kubectl get clawgym`: who may read one namespace alone would be refused the whole of it.
  categories: [],
  description:
    'A ClusterTrainingRuntime says how the trainer of a TrainingRun is run, for every namespace of the cluster.',
});
export type ClusterTrainingRuntime = z.infer<typeof clusterTrainingRuntime.schema>;
