import type { Kind } from '../../src/api/kinds.ts';
import {
  DIGEST,
  sampleBenchRun,
  sampleClawTask,
  sampleRolloutBatch,
  sampleSynthesisJob,
} from './sample-objects.ts';
import { TRAINING_CHANGES, TRAINING_RULES } from './training-examples.ts';
import {
  sampleClusterTrainingRuntime,
  sampleRl,
  sampleTrainingRun,
  sampleTrainingRuntime,
} from './training-samples.ts';

export type Spec = Record<string, unknown>;

/**
 * One rule at one place of one kind: an object that it accepts and the nearest one that it refuses.
 * Both are changes of the kind's sample.
 */
export interface CrdExample {
  readonly kind: Kind;
  /** Where the API server reports it: `spec.arms[0].agent`. */
  readonly field: string;
  readonly message: string;
  readonly pass: Spec;
  readonly fail: Spec;
  /** The object as it is before; present for rules that hold between an object and its update. */
  readonly before?: Spec;
}

export const SAMPLES: Readonly<Record<Kind, (spec?: Spec) => Spec>> = {
  ClawTask: sampleClawTask,
  RolloutBatch: sampleRolloutBatch,
  BenchRun: sampleBenchRun,
  SynthesisJob: sampleSynthesisJob,
  TrainingRun: sampleTrainingRun,
  TrainingRuntime: sampleTrainingRuntime,
  ClusterTrainingRuntime: sampleClusterTrainingRuntime,
};

const MODEL = { name: 'm', upstream: { baseURL: 'http://127.0.0.1:8000/v1' } };
const file = (content: Spec): Spec => ({ path: 'a.txt', ...content });
const body = (part: Spec): Spec => ({
  task: {
    instruction: { turns: [{ text: 'Do it.' }] },
    verifier: { dialect: 'check-json', entry: 'a.txt', files: [file({ text: '' })] },
    ...part,
  },
});

/** A rule of what RolloutBatch and BenchRun share, at the same place of both. */
function both(place: string, message: string, pass: Spec, fail: Spec): readonly CrdExample[] {
  const common = { field: `spec.${place}`, message, pass, fail };
  return [
    { ...common, kind: 'RolloutBatch' },
    { ...common, kind: 'BenchRun' },
  ];
}

/** A rule of an agent with its model: the spec of a RolloutBatch, an arm of a BenchRun. */
function paired(place: string, message: string, pass: Spec, fail: Spec): readonly CrdExample[] {
  const dot = place === '' ? '' : `.${place}`;
  const batch = (part: Spec): Spec => ({ model: undefined, ...part });
  const arms = (part: Spec): Spec => ({ arms: [{ name: 'a', ...part }] });
  return [
    { kind: 'RolloutBatch', field: `spec${dot}`, message, pass: batch(pass), fail: batch(fail) },
    { kind: 'BenchRun', field: `spec.arms[0]${dot}`, message, pass: arms(pass), fail: arms(fail) },
  ];
}

const RUN_RULES: readonly CrdExample[] = [
  ...both(
    'tasks',
    'the task source takes exactly one of digest, selector, configMap, persistentVolumeClaim, url, synthesisJob, path',
    { tasks: { path: 'tasks' } },
    { tasks: { path: 'tasks', digest: DIGEST } },
  ),
  ...both(
    'tasks.selector',
    'selector takes matchLabels, matchExpressions or both',
    { tasks: { selector: { matchLabels: {} } } },
    { tasks: { selector: {} } },
  ),
  ...both(
    'tasks.selector.matchLabels',
    'expected label keys, of at most 317 characters',
    { tasks: { selector: { matchLabels: { 'example.com/area': 'files' } } } },
    { tasks: { selector: { matchLabels: { 'example.com/': 'files' } } } },
  ),
  ...both(
    'tasks.selector.matchExpressions[0]',
    'values is required for In and NotIn and refused for Exists and DoesNotExist',
    { tasks: { selector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } } },
    { tasks: { selector: { matchExpressions: [{ key: 'a', operator: 'NotIn' }] } } },
  ),
  ...both(
    'sandbox.nodeSelector',
    'expected label keys, of at most 317 characters',
    { sandbox: { nodeSelector: { 'example.com/pool': 'a' } } },
    { sandbox: { nodeSelector: { 'example com': 'a' } } },
  ),
  ...both(
    'sandbox.tolerations[0]',
    'a toleration without key needs the operator Exists',
    { sandbox: { tolerations: [{ operator: 'Exists' }] } },
    { sandbox: { tolerations: [{ effect: 'NoExecute' }] } },
  ),
  ...both(
    'sandbox.tolerations[0]',
    'value is refused with the operator Exists',
    { sandbox: { tolerations: [{ key: 'a', value: 'b' }] } },
    { sandbox: { tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] } },
  ),
];

const SERVED_BY =
  'runtimeRef says what serves a model of ours: it goes with artifact or trainingRun alone';
const SERVED = { name: 'm', artifact: `sha256:${DIGEST}` };

const AGENT_RULES: readonly CrdExample[] = [
  ...paired(
    'agent.config',
    'keys of config are letters, digits, dots, dashes and underscores, of at most 253 characters',
    { agent: { name: 'pi', config: { 'a.b': '1' } }, model: MODEL },
    { agent: { name: 'pi', config: { 'a b': '1' } }, model: MODEL },
  ),
  ...paired(
    'agent',
    'command is required for the agent "command" and refused for every other',
    { agent: { name: 'command', command: ['./agent'] } },
    { agent: { name: 'nop', command: ['./agent'] } },
  ),
  ...paired(
    'agent',
    'family is a setting of the agent "cheat" only',
    { agent: { name: 'cheat', family: 'plant-json' } },
    { agent: { name: 'lazy', family: 'plant-json' } },
  ),
  ...paired(
    'agent',
    'version is a setting of the harnesses pi and openclaw only',
    { agent: { name: 'openclaw', version: '1.0.0' }, model: MODEL },
    { agent: { name: 'solution', version: '1.0.0' } },
  ),
  ...paired(
    '',
    'the agents pi and openclaw need a model',
    { agent: { name: 'openclaw' }, model: MODEL },
    { agent: { name: 'openclaw' } },
  ),
  ...paired(
    '',
    'the agents nop, lazy, solution and cheat ask no model: leave model out',
    { agent: { name: 'solution' } },
    { agent: { name: 'solution' }, model: MODEL },
  ),
  ...paired(
    'model',
    'the model takes exactly one of recording, upstreamSecretRef, upstream, artifact, trainingRun',
    { agent: { name: 'pi' }, model: { name: 'm', artifact: `sha256:${DIGEST}` } },
    { agent: { name: 'pi' }, model: { ...MODEL, trainingRun: { name: 'sft' } } },
  ),
  ...paired(
    'model',
    SERVED_BY,
    { agent: { name: 'pi' }, model: { ...SERVED, runtimeRef: { name: 'vllm' } } },
    { agent: { name: 'pi' }, model: { ...MODEL, runtimeRef: { name: 'vllm' } } },
  ),
];

const twice = file({ text: '', base64: '' });
const once = file({ text: '' });
const ONE_CONTENT = 'a file takes exactly one of text, base64';
const ENV_NAMES = 'expected names of environment variables, of at most 256 characters';
const verifier = (part: Spec): Spec =>
  body({ verifier: { dialect: 'check-json', entry: 'a.txt', files: [once], ...part } });

const TASK_RULES: readonly CrdExample[] = [
  {
    ...{ kind: 'ClawTask', field: 'spec.task.workspace.inputs[0]', message: ONE_CONTENT },
    pass: body({ workspace: { inputs: [{ ...once, mode: 'editable' }] } }),
    fail: body({ workspace: { inputs: [{ ...twice, mode: 'editable' }] } }),
  },
  {
    ...{ kind: 'ClawTask', field: 'spec.task.verifier.files[0]', message: ONE_CONTENT },
    pass: verifier({ files: [file({ base64: '' })] }),
    fail: verifier({ files: [file({})] }),
  },
  {
    ...{ kind: 'ClawTask', field: 'spec.task.solution.files[0]', message: ONE_CONTENT },
    pass: body({ solution: { files: [once] } }),
    fail: body({ solution: { files: [twice] } }),
  },
  {
    ...{ kind: 'ClawTask', field: 'spec.task.environment.env', message: ENV_NAMES },
    pass: body({ environment: { env: { A_1: 'x' } } }),
    fail: body({ environment: { env: { '1A': 'x' } } }),
  },
  {
    ...{ kind: 'ClawTask', field: 'spec.task.verifier.env', message: ENV_NAMES },
    pass: verifier({ env: { _: 'x' } }),
    fail: verifier({ env: { 'A-B': 'x' } }),
  },
  {
    kind: 'ClawTask',
    field: 'spec.task',
    message: 'a task needs a verifier, a rubric or both',
    pass: body({ verifier: undefined, rubric: [{ name: 'a', text: 'b' }] }),
    fail: body({ verifier: undefined }),
  },
  {
    kind: 'ClawTask',
    field: 'spec',
    message: 'spec takes exactly one of task, taskSetRef',
    pass: { task: undefined, taskSetRef: { digest: DIGEST, taskId: 'a' } },
    fail: { task: undefined },
  },
];

const ONE_SOURCE = 'the source takes exactly one of path, configMap';
const BOTH_SOURCES = { path: 'seeds', configMap: { name: 'seeds', key: 'seeds' } };
const roles = (role: 'generator' | 'judge', part: Spec): Spec => ({
  models: { generator: MODEL, judge: MODEL, [role]: { ...MODEL, ...part } },
});
const ONE_MODEL =
  'the model takes exactly one of recording, upstreamSecretRef, upstream, artifact, trainingRun';

const SYNTHESIS_RULES: readonly CrdExample[] = [
  // Its sandbox is that of the batches which try candidates.
  ...RUN_RULES.filter(({ field }) => field.startsWith('spec.sandbox'))
    .filter(({ kind }) => kind === 'RolloutBatch')
    .map((example): CrdExample => ({ ...example, kind: 'SynthesisJob' })),
  {
    kind: 'SynthesisJob',
    field: 'spec.routes',
    message: 'routes takes personas, skills or both; {} is a route with its defaults',
    pass: { routes: { personas: {} } },
    fail: { routes: {} },
  },
  ...(['generator', 'judge'] as const).map((role): CrdExample => {
    const field = `spec.models.${role}`;
    const both = { generator: MODEL, judge: MODEL };
    const served = { ...SERVED, runtimeRef: { name: 'vllm' } };
    return {
      ...{ kind: 'SynthesisJob', field, message: SERVED_BY },
      pass: { models: { ...both, [role]: served } },
      fail: roles(role, { runtimeRef: { name: 'vllm' } }),
    };
  }),
  {
    ...{ kind: 'SynthesisJob', field: 'spec.routes.personas.source', message: ONE_SOURCE },
    pass: { routes: { personas: { source: { path: 'seeds' } } } },
    fail: { routes: { personas: { source: BOTH_SOURCES } } },
  },
  {
    ...{ kind: 'SynthesisJob', field: 'spec.routes.skills.source', message: ONE_SOURCE },
    pass: { routes: { skills: { source: { path: 'seeds' } } } },
    fail: { routes: { skills: { source: {} } } },
  },
  {
    ...{ kind: 'SynthesisJob', field: 'spec.models.generator', message: ONE_MODEL },
    pass: roles('generator', {}),
    fail: roles('generator', { upstreamSecretRef: { name: 's' } }),
  },
  {
    ...{ kind: 'SynthesisJob', field: 'spec.models.judge', message: ONE_MODEL },
    pass: roles('judge', {}),
    fail: roles('judge', { recording: { path: 'model.jsonl' } }),
  },
  {
    kind: 'SynthesisJob',
    field: 'spec.novelty.against[0]',
    message: 'a set of novelty.against takes exactly one of digest, path',
    pass: { novelty: { against: [{ path: 'tasks' }] } },
    fail: { novelty: { against: [{}] } },
  },
];

/** What may change during a run, beside each field that may not. */
const ENDS: Spec = { suspend: true, activeDeadlineSeconds: 1, ttlSecondsAfterFinished: 99 };
const TURNED: Spec = { ...ENDS, parallelism: 1, startDeadlineSeconds: 7 };

function immutable(kind: Kind, changes: Spec, turned = TURNED): readonly CrdExample[] {
  return Object.entries(changes).map(([name, value]) => {
    const before = BEFORE[name] ?? {};
    return {
      kind,
      field: 'spec',
      message: `${name} cannot change after creation: the run keeps what it was planned with; create another object`,
      before,
      pass: { ...before, ...turned },
      fail: { ...before, ...turned, [name]: value },
    };
  });
}

/** What the object is beforehand, where its sample will not do. */
const BEFORE: Readonly<Record<string, Spec>> = {
  // The sample says flat, and native is the default: absent and native are the same.
  verification: { verification: { score: 'flat' } },
  rl: { data: undefined, hyper: {}, checkpoint: {}, rl: sampleRl() },
};

const SHARED_CHANGES: Spec = {
  tasks: { path: 'elsewhere' },
  budgets: { turns: 1 },
  sandbox: { queueName: 'q' },
  limits: { memoryMiB: 1 },
  retries: { disruptionLimit: 100 },
  verification: { score: 'native' },
  gatewayLossSeconds: 5,
  claimWaitSeconds: 6,
  managedBy: 'example.com/other',
};

/** Every rule of every kind; a test holds it against crds/*.yaml. */
export const CRD_EXAMPLES: readonly CrdExample[] = [
  ...RUN_RULES,
  ...AGENT_RULES,
  ...TASK_RULES,
  ...SYNTHESIS_RULES,
  ...immutable('RolloutBatch', {
    ...SHARED_CHANGES,
    agent: { name: 'openclaw' },
    model: MODEL,
    samples: 9,
    exports: [{ name: 'sft', format: 'messages-tools' }],
  }),
  ...immutable('BenchRun', {
    ...SHARED_CHANGES,
    attempts: 9,
    arms: [{ name: 'other', agent: { name: 'nop' } }],
  }),
  ...TRAINING_RULES,
  ...immutable(
    'TrainingRun',
    { ...TRAINING_CHANGES, rl: sampleRl({ steps: 41 }) },
    { ...ENDS, retries: { failures: 9 } },
  ),
  ...immutable(
    'SynthesisJob',
    {
      target: 25,
      seed: 8,
      routes: { skills: {} },
      models: { generator: MODEL, judge: MODEL },
      rubric: 'whereNeeded',
      gates: { lazyCeiling: '0.3' },
      novelty: { maxSimilarity: '0.5' },
    },
    { parallelism: 1, suspend: true, budgets: { tokens: 9 } },
  ),
];

/** An object of the kind with some of its spec replaced; a field that is undefined is absent. */
export function exampleObject(kind: Kind, spec: Spec): Spec {
  return JSON.parse(JSON.stringify(SAMPLES[kind](spec))) as Spec;
}
