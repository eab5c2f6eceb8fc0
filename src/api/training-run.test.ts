import { expect, test } from 'vitest';
import { DIGEST } from '../../test/support/sample-objects.ts';
import { formatProblem } from './manifest-problem.ts';
import { parseManifest } from './parse-manifest.ts';

const manifest = (kind: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'clawgym.io/v1alpha1', kind, metadata: { name: 't' }, spec });

const problemsOf = (kind: string, spec: object): string[] =>
  parseManifest(manifest(kind, spec), 'f.yaml')
    .problems.map(formatProblem)
    .map((line) => line.replace(/^f\.yaml:1 \(document 1, \w+\/t\): /, ''));

const run = (part: object): object => ({
  base: { artifact: DIGEST },
  data: { artifact: DIGEST },
  hyper: { epochs: 1 },
  ...part,
});
const rl = (part: object): object => ({
  base: { artifact: DIGEST },
  rl: {
    steps: 4,
    tasks: { path: 'tasks' },
    agent: { name: 'pi' },
    sampling: { temperature: '1', topP: '1' },
    ...part,
  },
});
const runtime = (part: object): object => ({
  contract: 'sft/v1',
  capabilities: { methods: ['full'] },
  trainer: { image: `trainer@sha256:${DIGEST}` },
  ...part,
});
const QUOTED = 'expected a number in quotes, for example "1e-5" or "0.001"';
const NOT_A_DIGEST =
  'expected a SHA-256 as 64 lower-case hex digits, with or without "sha256:" before it';

test.each<[string, object]>([
  ['TrainingRun', run({})],
  ['TrainingRun', run({ base: { artifact: `sha256:${DIGEST}` } })],
  ['TrainingRun', rl({})],
  ['TrainingRuntime', runtime({})],
  ['ClusterTrainingRuntime', runtime({})],
])('%s: a small object is taken', (kind, spec) => {
  expect(problemsOf(kind, spec)).toEqual([]);
});

test.each<[string, object, string[]]>([
  [
    'base',
    { base: {} },
    ['spec.base: the base model takes exactly one of artifact, trainingRun, path'],
  ],
  [
    'a tag for a digest',
    { base: { artifact: 'qwen3:latest' } },
    [`spec.base.artifact: got "qwen3:latest", ${NOT_A_DIGEST}`],
  ],
  [
    'a bare name',
    { base: { trainingRun: 'sft' } },
    ['spec.base.trainingRun: got "sft", expected a mapping'],
  ],
  [
    'a word nearby',
    { base: { trainingrun: { name: 'sft' } } },
    [
      'spec.base.trainingrun: unknown field; did you mean trainingRun?',
      'spec.base: the base model takes exactly one of artifact, trainingRun, path',
    ],
  ],
  [
    'nothing to learn from',
    { data: undefined },
    ['spec: a training run takes exactly one of data, rl'],
  ],
  [
    'no batches',
    { data: { from: { batches: [] } } },
    ['spec.data.from.batches: got [], expected at least 1 items'],
  ],
  [
    'a batch twice',
    { data: { from: { batches: ['a', 'a'] } } },
    ['spec.data.from.batches[1]: duplicate "a"'],
  ],
  [
    'a score out of range',
    { data: { from: { batches: ['a'], minScore: '1.5' } } },
    ['spec.data.from.minScore: got "1.5", expected a decimal from "0" to "1" in quotes'],
  ],
  [
    'a float',
    { hyper: { epochs: 1, learningRate: 0.001 } },
    ['spec.hyper.learningRate: got 0.001, expected a string; put it in quotes'],
  ],
  [
    'no number',
    { hyper: { epochs: 1, learningRate: '1e-5x' } },
    [`spec.hyper.learningRate: got "1e-5x", ${QUOTED}`],
  ],
  [
    'another name for it',
    { hyper: { epochs: 1, learningrate: '1e-5' } },
    ['spec.hyper.learningrate: unknown field; did you mean learningRate?'],
  ],
  [
    'the wrong level',
    { learningRate: '1e-5' },
    ['spec.learningRate: unknown field; the field stands at spec.hyper.learningRate'],
  ],
  [
    'no end',
    { hyper: {} },
    ['spec: supervised training needs hyper.epochs, hyper.maxSteps or both'],
  ],
  [
    'a schedule nearby',
    { hyper: { epochs: 1, schedule: 'cosin' } },
    [
      'spec.hyper.schedule: got "cosin", expected one of constant, linear, cosine; did you mean cosine?',
    ],
  ],
  [
    'a method nearby',
    { method: { type: 'Lora' } },
    ['spec.method.type: got "Lora", expected one of full, lora; did you mean lora?'],
  ],
  [
    'a rope nearby',
    { context: { rope: { type: 'yarm', factor: '2', originalMaxTokens: 4096 } } },
    ['spec.context.rope.type: got "yarm", expected yarn; did you mean yarn?'],
  ],
  [
    'rope by halves',
    { context: { rope: { type: 'yarn', factor: '2' } } },
    ['spec.context.rope.originalMaxTokens: is required (expected an integer)'],
  ],
  [
    'a GPU by its short name',
    { trainer: { gpuResource: 'gpu' } },
    ['spec.trainer.gpuResource: got "gpu", expected an extended resource such as "nvidia.com/gpu"'],
  ],
  [
    'a field of sandboxes',
    { trainer: { gpus: 8 } },
    [
      'spec.trainer.gpus: unknown field; known fields here: nodes, gpusPerNode, gpuResource, resources, runtimeClassName, nodeSelector, tolerations, priorityClassName, queueName, imagePullSecrets',
    ],
  ],
  ['a negative seed', { seed: -1 }, ['spec.seed: got -1, expected at least 0']],
  [
    'a runtime by its bare name',
    { runtimeRef: 'sft' },
    ['spec.runtimeRef: got "sft", expected a mapping'],
  ],
  [
    'a runtime of no kind',
    { runtimeRef: { name: 'sft', kind: 'TrainJob' } },
    [
      'spec.runtimeRef.kind: got "TrainJob", expected one of ClusterTrainingRuntime, TrainingRuntime',
    ],
  ],
])('TrainingRun: %s is named', (_, part, problems) => {
  expect(problemsOf('TrainingRun', run(part))).toEqual(problems);
});

test.each<[string, object, string[]]>([
  [
    'greedy sampling',
    { sampling: { temperature: '0', topP: '1' } },
    [
      'spec.rl.sampling: temperature must be above "0": greedy answers have no probabilities to learn from',
    ],
  ],
  ['no sampling', { sampling: undefined }, ['spec.rl.sampling: is required (expected a mapping)']],
  [
    'no nucleus',
    { sampling: { temperature: '1' } },
    ['spec.rl.sampling.topP: is required (expected a string)'],
  ],
  [
    'one sample a group',
    { groups: { samples: 1 } },
    [
      'spec.rl.groups.samples: got 1, expected at least 2',
      'spec.rl.groups: minSamples cannot be more than samples',
    ],
  ],
  [
    'an agent without model',
    { agent: { name: 'nop' } },
    ['spec.rl: rl needs an agent that asks a model: command, pi or openclaw'],
  ],
  [
    'a loss of another trainer',
    { algorithm: { loss: 'ppo' } },
    ['spec.rl.algorithm.loss: got "ppo", expected grpo'],
  ],
  [
    'an evaluation nearby',
    { eval: { everySteps: 2 } },
    [
      'spec.rl.eval: unknown field; known fields here: steps, tasks, agent, groups, sampling, algorithm, evaluation, parallelism, budgets, limits, retries, verification',
    ],
  ],
])('TrainingRun with rl: %s is named', (_, part, problems) => {
  expect(problemsOf('TrainingRun', rl(part))).toEqual(problems);
});

test.each<[string, object, string[]]>([
  [
    'an image by tag',
    { trainer: { image: 'trainer:v1' } },
    ['spec.trainer.image: got "trainer:v1", expected an image by digest: NAME@sha256:…'],
  ],
  [
    'a contract nearby',
    { contract: 'sft/v2' },
    ['spec.contract: got "sft/v2", expected one of sft/v1, rl-tokens/v1; did you mean sft/v1?'],
  ],
  [
    'no method',
    { capabilities: { methods: [] } },
    ['spec.capabilities.methods: got [], expected at least 1 items'],
  ],
  [
    'a pod template',
    { template: {} },
    [
      'spec.template: unknown field; known fields here: contract, capabilities, trainer, policyServer, runtimeClassName, nodeSelector, tolerations, priorityClassName, queueName, imagePullSecrets',
    ],
  ],
])('a runtime: %s is named', (_, part, problems) => {
  for (const kind of ['TrainingRuntime', 'ClusterTrainingRuntime']) {
    expect(problemsOf(kind, runtime(part))).toEqual(problems);
  }
});

test('a kind nearby', () => {
  expect(problemsOf('TrainigRun', {})[0]).toContain('did you mean TrainingRun?');
});
