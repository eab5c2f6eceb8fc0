import type { Kind } from '../../src/api/kinds.ts';
import type { CrdExample, Spec } from './crd-examples.ts';
import { DIGEST } from './sample-objects.ts';
import { sampleRl } from './training-samples.ts';

const LABELS = 'expected label keys, of at most 317 characters';
const KEYLESS = 'a toleration without key needs the operator Exists';
const VALUED = 'value is refused with the operator Exists';
const ONE_SOURCE =
  'the task source takes exactly one of digest, selector, configMap, persistentVolumeClaim, url, synthesisJob, path';
const ONE_SELECTOR = 'selector takes matchLabels, matchExpressions or both';
const VALUES = 'values is required for In and NotIn and refused for Exists and DoesNotExist';
const COMMAND = 'command is required for the agent "command" and refused for every other';
const FAMILY = 'family is a setting of the agent "cheat" only';
const VERSION = 'version is a setting of the harnesses pi and openclaw only';
const CONFIG =
  'keys of config are letters, digits, dots, dashes and underscores, of at most 253 characters';

const YARN = { type: 'yarn', factor: '1.5' };

/** A rule of a kind by the part of the spec that changes. */
const rule =
  (kind: Kind, wrap: (part: Spec) => Spec) =>
  (place: string, message: string, pass: Spec, fail: Spec): CrdExample => ({
    kind,
    field: place === '' ? 'spec' : `spec.${place}`,
    message,
    pass: wrap(pass),
    fail: wrap(fail),
  });

const run = rule('TrainingRun', (part) => part);
const supervised = rule('TrainingRun', (hyper) => ({ hyper }));
const reinforced = rule('TrainingRun', (part) => ({
  data: undefined,
  hyper: {},
  checkpoint: {},
  rl: sampleRl(part),
}));

function placed(kind: Kind, at: string, wrap: (part: Spec) => Spec): readonly CrdExample[] {
  const place = (field: string): string => (at === '' ? field : `${at}.${field}`);
  const add = rule(kind, wrap);
  const keys = (key: string): Spec => ({ nodeSelector: { [key]: 'a' } });
  const tolerates = (toleration: Spec): Spec => ({ tolerations: [toleration] });
  const exists = { operator: 'Exists' };
  return [
    add(place('nodeSelector'), LABELS, keys('example.com/pool'), keys('example com')),
    add(place('tolerations[0]'), KEYLESS, tolerates(exists), tolerates({ effect: 'NoExecute' })),
    add(
      place('tolerations[0]'),
      VALUED,
      tolerates({ key: 'a', value: 'b' }),
      tolerates({ key: 'a', ...exists, value: 'b' }),
    ),
  ];
}

/** The rules of a task source, wherever one stands. */
function sourced(at: string, wrap: (tasks: Spec) => Spec): readonly CrdExample[] {
  const add = (place: string, message: string, pass: Spec, fail: Spec): CrdExample =>
    reinforced(`${at}${place}`, message, wrap(pass), wrap(fail));
  const select = (selector: Spec): Spec => ({ selector });
  const key = (name: string): Spec => select({ matchLabels: { [name]: 'files' } });
  const requires = (operator: string): Spec =>
    select({ matchExpressions: [{ key: 'a', operator }] });
  return [
    add('', ONE_SOURCE, { path: 'tasks' }, { path: 'tasks', digest: DIGEST }),
    add('.selector', ONE_SELECTOR, select({ matchLabels: {} }), select({})),
    add('.selector.matchLabels', LABELS, key('example.com/area'), key('example.com/')),
    add('.selector.matchExpressions[0]', VALUES, requires('Exists'), requires('NotIn')),
  ];
}

const RUN_RULES: readonly CrdExample[] = [
  run(
    '',
    'a training run takes exactly one of data, rl',
    { data: { artifact: DIGEST } },
    { rl: sampleRl(), hyper: {}, checkpoint: {} },
  ),
  supervised(
    '',
    'supervised training needs hyper.epochs, hyper.maxSteps or both',
    { maxSteps: 5 },
    { learningRate: '1e-3' },
  ),
  supervised(
    'hyper',
    'globalBatch must be a multiple of microBatch',
    { maxSteps: 5, globalBatch: 8, microBatch: 4 },
    { maxSteps: 5, globalBatch: 8, microBatch: 3 },
  ),
  run(
    'base',
    'the base model takes exactly one of artifact, trainingRun, path',
    { base: { trainingRun: { name: 'sft' } } },
    { base: { artifact: DIGEST, path: 'model' } },
  ),
  run(
    'data',
    'the training data takes exactly one of artifact, from',
    { data: { artifact: `sha256:${DIGEST}` } },
    { data: { artifact: DIGEST, from: { batches: ['a'] } } },
  ),
  run(
    'method',
    'rank, alpha and targets are settings of the method lora only',
    { method: { type: 'full' } },
    { method: { type: 'full', rank: 8 } },
  ),
  run(
    'context',
    'maxTokens is more than rope.factor times rope.originalMaxTokens',
    { context: { maxTokens: 90, rope: { ...YARN, originalMaxTokens: 60 } } },
    { context: { maxTokens: 91, rope: { ...YARN, originalMaxTokens: 60 } } },
  ),
  ...placed('TrainingRun', 'trainer', (trainer) => ({ trainer })),
];

const RL_RULES: readonly CrdExample[] = [
  {
    ...reinforced(
      '',
      'reinforcement lasts rl.steps: leave hyper.epochs and hyper.maxSteps out',
      {},
      {},
    ),
    fail: { data: undefined, checkpoint: {}, rl: sampleRl(), hyper: { epochs: 3 } },
  },
  run(
    '',
    'a step of reinforcement learns from all rollouts of its groups: leave hyper.globalBatch out and set rl.groups',
    { data: undefined, rl: sampleRl(), hyper: { microBatch: 16 }, checkpoint: {} },
    { data: undefined, rl: sampleRl(), hyper: { globalBatch: 8 }, checkpoint: {} },
  ),
  run(
    '',
    'each step of reinforcement has its checkpoint: leave checkpoint.everySteps out',
    { data: undefined, rl: sampleRl(), hyper: {}, checkpoint: { keep: 2 } },
    { data: undefined, rl: sampleRl(), hyper: {}, checkpoint: { everySteps: 5 } },
  ),
  reinforced(
    'rl',
    'rl needs an agent that asks a model: command, pi or openclaw',
    { agent: { name: 'openclaw' } },
    { agent: { name: 'nop' } },
  ),
  reinforced(
    'rl.groups',
    'minSamples cannot be more than samples',
    { groups: { samples: 4, minSamples: 4 } },
    { groups: { samples: 4, minSamples: 5 } },
  ),
  reinforced(
    'rl.sampling',
    'temperature must be above "0": greedy answers have no probabilities to learn from',
    { sampling: { temperature: '0.1', topP: '1' } },
    { sampling: { temperature: '0.0', topP: '1' } },
  ),
  reinforced(
    'rl.sampling',
    'topP must be "1": below it probabilities are over another set of tokens than the trainer has',
    { sampling: { temperature: '0.7', topP: '1.0' } },
    { sampling: { temperature: '0.7', topP: '0.95' } },
  ),
  reinforced(
    'rl.algorithm',
    'tokenMask takes a ratio below 1 and one above',
    { algorithm: { tokenMask: ['0.8', '2'] } },
    { algorithm: { tokenMask: ['1.0', '2'] } },
  ),
  reinforced(
    'rl.agent',
    COMMAND,
    { agent: { name: 'command', command: ['./agent'] } },
    { agent: { name: 'command' } },
  ),
  reinforced(
    'rl.agent',
    FAMILY,
    { agent: { name: 'pi' } },
    { agent: { name: 'pi', family: 'plant-json' } },
  ),
  reinforced(
    'rl.agent',
    VERSION,
    { agent: { name: 'pi', version: '1.0.0' } },
    { agent: { name: 'command', command: ['a'], version: '1.0.0' } },
  ),
  reinforced(
    'rl.agent.config',
    CONFIG,
    { agent: { name: 'pi', config: { 'a.b': '1' } } },
    { agent: { name: 'pi', config: { 'a b': '1' } } },
  ),
  ...sourced('rl.tasks', (tasks) => ({ tasks })),
  ...sourced('rl.evaluation.tasks', (tasks) => ({ evaluation: { tasks } })),
];

const POLICY = { image: `example.com/vllm@sha256:${DIGEST}` };
const NEEDS_SERVER =
  'policyServer is required for the contract rl-tokens/v1 and refused for every other';
const ENV = 'expected names of environment variables, of at most 128 characters';

function runtimeRules(kind: Kind): readonly CrdExample[] {
  const spec = rule(kind, (part) => part);
  const rl = rule(kind, (part) => ({
    contract: 'rl-tokens/v1',
    policyServer: { ...POLICY, ...part },
  }));
  const trains = (env: Spec): Spec => ({ trainer: { ...POLICY, env } });
  return [
    spec('', NEEDS_SERVER, {}, { contract: 'rl-tokens/v1' }),
    spec('trainer.env', ENV, trains({ A_1: 'x' }), trains({ '1A': 'x' })),
    rl('policyServer.env', ENV, { env: { _: 'x' } }, { env: { 'A-B': 'x' } }),
    ...placed(kind, '', (part) => part),
  ];
}

/** One example of every rule of the kinds that train. */
export const TRAINING_RULES: readonly CrdExample[] = [
  ...RUN_RULES,
  ...RL_RULES,
  ...runtimeRules('TrainingRuntime'),
  ...runtimeRules('ClusterTrainingRuntime'),
];

/** Another value of each field of a TrainingRun that cannot change. */
export const TRAINING_CHANGES: Spec = {
  runtimeRef: { name: 'other' },
  base: { trainingRun: { name: 'other' } },
  data: { artifact: DIGEST },
  method: { type: 'full' },
  context: { maxTokens: 4096 },
  hyper: { maxSteps: 5 },
  seed: 8,
  deterministic: false,
  checkpoint: { everySteps: 7 },
  trainer: { nodes: 2 },
  managedBy: 'example.com/other',
};
