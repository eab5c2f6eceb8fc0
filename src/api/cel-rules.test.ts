import { describe, expect, test } from 'vitest';
import {
  DIGEST,
  sampleBenchRun,
  sampleClawTask,
  sampleRolloutBatch,
} from '../../test/support/sample-objects.ts';
import { crdSchema, serverVerdict } from '../../test/support/server-verdict.ts';
import type { Resource } from './define-resource.ts';
import { formatFieldPath } from './field-path.ts';
import { immutableChanges } from './immutability.ts';
import { KINDS, type Kind } from './kinds.ts';
import { immutableRules } from './rules.ts';
import type { SchemaNode } from './schema-node.ts';

type Spec = Record<string, unknown>;

/** One object that the rule accepts and the nearest one that it refuses; `field` is where it stands. */
interface Example {
  readonly message: string;
  readonly kind: Kind;
  readonly field: string;
  readonly pass: Spec;
  readonly fail: Spec;
}

const MODEL = { name: 'm', upstream: { baseURL: 'http://127.0.0.1:8000/v1' } };
const file = (content: Spec): Spec => ({ path: 'a.txt', ...content });
const body = (part: Spec): Spec => ({
  task: {
    instruction: { turns: [{ text: 'Do it.' }] },
    verifier: { dialect: 'check-json', entry: 'a.txt', files: [file({ text: '' })] },
    ...part,
  },
});
const arms = (...list: Spec[]): Spec => ({
  arms: list.map((arm, index) => ({ name: `a${index}`, ...arm })),
});
const agent = (settings: Spec): Spec => ({ agent: settings, model: undefined });

const EXAMPLES: readonly Example[] = [
  {
    message:
      'the task source takes exactly one of digest, selector, configMap, persistentVolumeClaim, url, path',
    kind: 'RolloutBatch',
    field: 'spec.tasks',
    pass: { tasks: { path: 'tasks' } },
    fail: { tasks: { path: 'tasks', digest: DIGEST } },
  },
  {
    message: 'selector takes matchLabels, matchExpressions or both',
    kind: 'BenchRun',
    field: 'spec.tasks.selector',
    pass: { tasks: { selector: { matchLabels: {} } } },
    fail: { tasks: { selector: {} } },
  },
  {
    message: 'values is required for In and NotIn and refused for Exists and DoesNotExist',
    kind: 'BenchRun',
    field: 'spec.tasks.selector.matchExpressions[0]',
    pass: { tasks: { selector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } } },
    fail: { tasks: { selector: { matchExpressions: [{ key: 'a', operator: 'NotIn' }] } } },
  },
  {
    message: 'expected label keys',
    kind: 'RolloutBatch',
    field: 'spec.sandbox.nodeSelector',
    pass: { sandbox: { nodeSelector: { 'example.com/pool': 'a' } } },
    fail: { sandbox: { nodeSelector: { 'example com': 'a' } } },
  },
  {
    message: 'keys of config are letters, digits, dots, dashes and underscores',
    kind: 'RolloutBatch',
    field: 'spec.agent.config',
    pass: { agent: { name: 'pi', config: { 'a.b': '1' } } },
    fail: { agent: { name: 'pi', config: { 'a b': '1' } } },
  },
  {
    message: 'expected names of environment variables',
    kind: 'ClawTask',
    field: 'spec.task.environment.env',
    pass: body({ environment: { env: { A_1: 'x' } } }),
    fail: body({ environment: { env: { '1A': 'x' } } }),
  },
  {
    message: 'command is required for the agent "command" and refused for every other',
    kind: 'RolloutBatch',
    field: 'spec.agent',
    pass: agent({ name: 'command', command: ['./agent'] }),
    fail: agent({ name: 'nop', command: ['./agent'] }),
  },
  {
    message: 'family is a setting of the agent "cheat" only',
    kind: 'RolloutBatch',
    field: 'spec.agent',
    pass: agent({ name: 'cheat', family: 'plant-json' }),
    fail: agent({ name: 'lazy', family: 'plant-json' }),
  },
  {
    message: 'version is a setting of the harnesses pi and openclaw only',
    kind: 'RolloutBatch',
    field: 'spec.agent',
    pass: { agent: { name: 'openclaw', version: '1.0.0' } },
    fail: agent({ name: 'solution', version: '1.0.0' }),
  },
  {
    message: 'the agents pi and openclaw need a model',
    kind: 'BenchRun',
    field: 'spec.arms[0]',
    pass: arms({ agent: { name: 'openclaw' }, model: MODEL }),
    fail: arms({ agent: { name: 'openclaw' } }),
  },
  {
    message: 'the agents nop, lazy, solution and cheat ask no model: leave model out',
    kind: 'BenchRun',
    field: 'spec.arms[0]',
    pass: arms({ agent: { name: 'solution' } }),
    fail: arms({ agent: { name: 'solution' }, model: MODEL }),
  },
  {
    message: 'the model takes exactly one of recording, upstreamSecretRef, upstream',
    kind: 'RolloutBatch',
    field: 'spec.model',
    pass: { model: MODEL },
    fail: { model: { ...MODEL, upstreamSecretRef: { name: 's' } } },
  },
  {
    message: 'a toleration without key needs the operator Exists',
    kind: 'RolloutBatch',
    field: 'spec.sandbox.tolerations[0]',
    pass: { sandbox: { tolerations: [{ operator: 'Exists' }] } },
    fail: { sandbox: { tolerations: [{ effect: 'NoExecute' }] } },
  },
  {
    message: 'value is refused with the operator Exists',
    kind: 'RolloutBatch',
    field: 'spec.sandbox.tolerations[0]',
    pass: { sandbox: { tolerations: [{ key: 'a', value: 'b' }] } },
    fail: { sandbox: { tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] } },
  },
  {
    message: 'a file takes exactly one of text, base64',
    kind: 'ClawTask',
    field: 'spec.task.workspace.inputs[0]',
    pass: body({ workspace: { inputs: [{ ...file({ text: '' }), mode: 'editable' }] } }),
    fail: body({
      workspace: { inputs: [{ ...file({ text: '', base64: '' }), mode: 'editable' }] },
    }),
  },
  {
    message: 'a task needs a verifier, a rubric or both',
    kind: 'ClawTask',
    field: 'spec.task',
    pass: body({ verifier: undefined, rubric: [{ name: 'a', text: 'b' }] }),
    fail: body({ verifier: undefined }),
  },
  {
    message: 'spec takes exactly one of task, taskSetRef',
    kind: 'ClawTask',
    field: 'spec',
    pass: { task: undefined, taskSetRef: { digest: DIGEST, taskId: 'a' } },
    fail: { task: undefined },
  },
];

const SAMPLES = {
  ClawTask: sampleClawTask,
  RolloutBatch: sampleRolloutBatch,
  BenchRun: sampleBenchRun,
};
const withoutUndefined = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe.each(EXAMPLES)('$kind: $message', ({ message, kind, field, pass, fail }) => {
  const resource: Resource = KINDS[kind];
  const schema = crdSchema(resource);
  const good = withoutUndefined(SAMPLES[kind](pass));
  const bad = withoutUndefined(SAMPLES[kind](fail));

  test('the passing example passes the CRD and zod', () => {
    expect(serverVerdict(schema, good)).toEqual([]);
    expect(resource.schema.safeParse(good).success).toBe(true);
  });

  test('the failing example is refused by this rule, at this field, by both', () => {
    expect(serverVerdict(schema, bad)).toEqual([{ field, message }]);
    const issues = resource.schema.safeParse(bad).error?.issues ?? [];
    const local = issues.map((issue) => ({
      field: formatFieldPath(
        issue.path.map((step) => (typeof step === 'number' ? step : String(step))),
      ),
      message: issue.message,
    }));
    expect(local).toEqual([{ field, message }]);
  });
});

/** Every rule of a schema, by message. */
function messagesOf(node: SchemaNode): string[] {
  const here = (node['x-kubernetes-validations'] ?? []).map((rule) => rule.message);
  const children = [
    ...Object.values(node.properties ?? {}),
    ...(node.items ? [node.items] : []),
    ...(node.additionalProperties ? [node.additionalProperties] : []),
  ];
  return [...here, ...children.flatMap(messagesOf)];
}

test('every rule of every kind has examples', () => {
  const transition = Object.values(KINDS).flatMap((kind) =>
    immutableRules(kind.immutable).map((rule) => rule.message),
  );
  const known = new Set([...EXAMPLES.map((example) => example.message), ...transition]);
  const shipped = Object.values(KINDS).flatMap((kind) => messagesOf(crdSchema(kind)));
  expect(shipped.filter((message) => !known.has(message))).toEqual([]);
});

/** A changed value for each immutable field. */
const CHANGED: Spec = {
  tasks: { path: 'elsewhere' },
  agent: { name: 'openclaw' },
  model: MODEL,
  samples: 9,
  attempts: 9,
  arms: [{ name: 'other', agent: { name: 'nop' } }],
  budgets: { turns: 1 },
  sandbox: { queueName: 'q' },
  limits: { memoryMiB: 1 },
  verification: { score: 'native' },
  managedBy: 'example.com/other',
};
/** What a user may turn while a run goes on. */
const TURNABLE: Spec = {
  parallelism: 1,
  suspend: true,
  activeDeadlineSeconds: 1,
  ttlSecondsAfterFinished: 99,
  retries: { disruptionLimit: 100 },
  gatewayLossSeconds: 5,
};

describe.each([KINDS.RolloutBatch, KINDS.BenchRun] as Resource[])(
  'updates of $kind',
  (resource) => {
    const schema = crdSchema(resource);
    const sample = resource.kind === 'BenchRun' ? sampleBenchRun : sampleRolloutBatch;
    const specOf = (object: unknown): unknown =>
      (resource.schema.parse(object) as { spec: unknown }).spec;

    test.each(resource.immutable)('%s cannot change', (field) => {
      const base = field === 'verification' ? { verification: { score: 'flat' } } : {};
      const before = sample(base);
      const after = sample({ ...base, [field]: CHANGED[field] });
      const fields = serverVerdict(schema, after, before).map(
        (error) => error.message.split(' ')[0],
      );
      expect(fields).toEqual([field]);
      expect(immutableChanges(resource, specOf(before), specOf(after))).toEqual([field]);
    });

    test.each(Object.keys(TURNABLE))('%s may change during a run', (field) => {
      const after = sample({ [field]: TURNABLE[field] });
      expect(serverVerdict(schema, after, sample())).toEqual([]);
      expect(immutableChanges(resource, specOf(sample()), specOf(after))).toEqual([]);
    });

    test('an optional immutable field can neither appear nor vanish', () => {
      const present = sample({ managedBy: 'example.com/other' });
      const absent = withoutUndefined(sample({ managedBy: undefined }));
      for (const [before, after] of [
        [present, absent],
        [absent, present],
      ]) {
        expect(serverVerdict(schema, after, before)).toHaveLength(1);
        expect(immutableChanges(resource, specOf(before), specOf(after))).toEqual(['managedBy']);
      }
    });
  },
);
