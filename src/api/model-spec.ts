import { z } from 'zod';
import { zDecimal, zEnvName, zFraction, zHttpUrl, zInt32, zText } from './fields.ts';
import { modelRefFields } from './model-ref.ts';
import { exactlyOneOf, withRules } from './rules.ts';
import { zRuntimeRef } from './runtime-ref.ts';
import { zSecretRef } from './task-source.ts';

const zSampling = z
  .object({
    temperature: zDecimal.optional().describe('Sampling temperature as a decimal string.'),
    topP: zFraction.optional().describe('Nucleus mass as a decimal string from "0" to "1".'),
    maxTokens: zInt32(1).optional().describe('Most tokens of one answer.'),
    seed: zInt32(0).optional().describe('Seed, where the endpoint honours one.'),
  })
  .describe(
    'Sampling that the gateway puts into every request. Absent fields are left to the agent.',
  );

/** Which model answers the agent, and through which upstream. */
export const zModel = withRules(
  z
    .object({
      name: zText(256).describe(
        'Name of the model as the upstream knows it; of a model artifact, the name that it is served under.',
      ),
      recording: z
        .object({
          path: zText(4096).describe('Recording, relative to the manifest.'),
        })
        .optional()
        .describe('A recorded model: answers are replayed. Local engine only.'),
      upstreamSecretRef: zSecretRef
        .optional()
        .describe(
          'Secret of type clawgym.io/upstream in the same namespace; it holds baseURL and apiKey together.',
        ),
      upstream: z
        .object({
          baseURL: zHttpUrl.describe('Base URL of an OpenAI-compatible endpoint, up to /v1.'),
          apiKeyEnv: zEnvName
            .optional()
            .describe('Environment variable of the local process that holds the key.'),
        })
        .optional()
        .describe(
          'An endpoint by address. Local engine only: in a cluster keys and addresses are paired by Secrets.',
        ),
      ...modelRefFields,
      runtimeRef: zRuntimeRef('What serves a model of ours.')
        .optional()
        .describe(
          'In a cluster: the runtime whose policyServer serves a model of ours. Absent: the TrainingRuntime rl of the namespace, else the ClusterTrainingRuntime rl. The local engine serves with its own.',
        ),
      sampling: zSampling.optional(),
      capture: z
        .enum(['messages', 'tokens'])
        .optional()
        .describe(
          "What is recorded of a call. tokens: also token ids and log-probabilities, for which the gateway asks the upstream (vLLM's return_token_ids and logprobs); the agent sees neither. Absent: messages.",
        ),
    })
    .describe('The model that answers the agent.'),
  [
    exactlyOneOf(
      ['recording', 'upstreamSecretRef', 'upstream', 'artifact', 'trainingRun'],
      'the model',
    ),
    {
      rule: '!has(self.runtimeRef) || has(self.artifact) || has(self.trainingRun)',
      message:
        'runtimeRef says what serves a model of ours: it goes with artifact or trainingRun alone',
      holds: ({ runtimeRef, artifact, trainingRun }) =>
        runtimeRef === undefined || artifact !== undefined || trainingRun !== undefined,
    },
  ],
);
export type ModelSpec = z.infer<typeof zModel>;
