import { expect, it } from 'vitest';
import { answeringClient } from '../../../test/support/answering-client.ts';
import { sampleRl, sampleTrainingRun } from '../../../test/support/training-samples.ts';
import { trainingRuns } from '../shared/kinds.ts';
import { readRuntime } from './runtime.ts';

type Json = Record<string, unknown>;

const PATH = '/apis/clawgym.io/v1alpha1/clustertrainingruntimes/sft';
const IMAGE = `t@sha256:${'a'.repeat(64)}`;

/** What is said of a run with these settings, where the runtime is so. */
async function said(spec: Json, capabilities: Json, gpus = 0): Promise<string | undefined> {
  const given = sampleTrainingRun({ method: {}, context: {}, ...spec });
  const run = trainingRuns.parse({
    ...given,
    metadata: { name: 'run', namespace: 'lab', uid: 'uid-run' },
  });
  const runtime = {
    ...{ apiVersion: 'clawgym.io/v1alpha1', kind: 'ClusterTrainingRuntime' },
    metadata: { name: 'sft' },
    spec: {
      contract: 'sft/v1',
      capabilities: { methods: ['full'], cpu: true, ...capabilities },
      trainer: { image: IMAGE, gpus },
    },
  };
  const client = answeringClient({ [PATH]: runtime });
  const { problem } = await readRuntime(client, run, { signal: new AbortController().signal });
  return problem && `${problem.reason}: ${problem.message}`;
}

const ONE = { maxGpusPerNode: 1 };
const NEXT = '; change the run, or name another runtime in spec.runtimeRef';
const unfit = (words: string): string =>
  `RuntimeUnfit: ClusterTrainingRuntime sft: ${words}${NEXT}`;

it.each<[string, Json, Json, number, string | undefined]>([
  ['one GPU, of one', { trainer: { gpusPerNode: 1 } }, ONE, 0, undefined],
  ['eight where no number bounds them', { trainer: { gpusPerNode: 8 } }, {}, 0, undefined],
  ["the runtime's one where the run names none", { trainer: {} }, ONE, 1, undefined],
  [
    'two of one',
    { trainer: { gpusPerNode: 2 } },
    ...([ONE, 1] as const),
    unfit('2 GPUs of each pod (spec.trainer.gpusPerNode) are more than its maxGpusPerNode 1'),
  ],
  [
    'a runtime that gives more than it can use',
    { trainer: {} },
    ...([ONE, 4] as const),
    unfit('4 GPUs of each pod (its trainer.gpus) are more than its maxGpusPerNode 1'),
  ],
  [
    'all that it has not, in one message',
    { trainer: { nodes: 2 }, context: { maxTokens: 4096 }, method: { type: 'lora' } },
    { maxTokens: 2048 },
    0,
    unfit(
      'spec.method.type lora is not among its methods (full); spec.context.maxTokens 4096 is more than its 2048; spec.trainer.nodes 2 is more than its 1',
    ),
  ],
  [
    'no GPU where it needs one',
    { trainer: {} },
    { cpu: false },
    0,
    unfit('it does not train without a GPU; set spec.trainer.gpusPerNode'),
  ],
  [
    'reinforcement of a runtime for conversations',
    { data: undefined, rl: sampleRl(), hyper: {}, checkpoint: {}, trainer: {} },
    {},
    0,
    unfit('its contract is sft/v1, the run needs rl-tokens/v1'),
  ],
])('%s', async (_what, spec, capabilities, gpus, words) => {
  expect(await said(spec, capabilities, gpus)).toBe(words);
});
