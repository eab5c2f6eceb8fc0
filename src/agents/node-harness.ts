import type { Task } from '../tasks/task.ts';
import type { Agent, AgentTaskContext, PreparedAgent, ProcessPlan } from './agent.ts';
import { type AgentHost, configDigest } from './agent-host.ts';
import { requireModel } from './builtin-agent.ts';
import {
  type HarnessInstallOptions,
  type HarnessRecipe,
  installHarness,
  type LockedHarness,
  lockedHarness,
} from './harness-install.ts';
import { HARNESS_DIR, type HarnessModel, NODE_IN_SANDBOX, PROVIDER } from './harness-model.ts';

/** A harness from npm that runs under the product's own Node inside the sandbox. */
export interface NodeHarnessSpec {
  readonly recipe: HarnessRecipe;
  /** Part of the configuration digest: the plan for a fixed task and model. */
  build(task: Task, model: string, deadlineSeconds: number): NodeHarnessRun;
  readonly env: Readonly<Record<string, string>>;
  readonly memoryMiB: number;
}

export type NodeHarnessRun = Pick<ProcessPlan, 'commands' | 'files'>;

export interface NodeHarnessOptions {
  readonly model: HarnessModel;
  readonly install?: HarnessInstallOptions;
}

export function nodeHarness(
  spec: NodeHarnessSpec,
  host: AgentHost,
  options: NodeHarnessOptions,
): Agent {
  const { recipe } = spec;
  return {
    name: recipe.name,
    prepare: async (context) => {
      const installed = await installHarness(recipe, host, context, options.install);
      // The binary alone: its folder may be one of the host's general program folders.
      const node = { source: host.nodePath, target: NODE_IN_SANDBOX };
      return prepared(spec, host, installed, [
        { source: installed.dir, target: HARNESS_DIR },
        node,
      ]);
    },
    fromImage: async () => prepared(spec, host, await lockedHarness(recipe, options.install), []),
  };
}

function prepared(
  spec: NodeHarnessSpec,
  host: AgentHost,
  { version, installDigest }: LockedHarness,
  mounts: ProcessPlan['mounts'],
): PreparedAgent {
  return {
    name: spec.recipe.name,
    version,
    configDigest: configDigest({
      install: installDigest,
      node: host.nodeVersion,
      provider: PROVIDER,
      run: spec.build(DIGEST_TASK, 'model', 0),
      env: spec.env,
    }),
    programMiB: () => spec.memoryMiB,
    unsuited: () => undefined,
    plan: async (task, context) => harnessPlan(spec, mounts, task, context),
  };
}

function harnessPlan(
  spec: NodeHarnessSpec,
  mounts: ProcessPlan['mounts'],
  task: Task,
  context: AgentTaskContext,
): ProcessPlan {
  const model = requireModel(spec.recipe.name, context);
  return {
    kind: 'process',
    ...spec.build(task, model, context.deadlineSeconds),
    mounts,
    env: { ...task.environment.env, ...spec.env },
    memoryMiB: spec.memoryMiB,
  };
}

/** Stands for every task in the configuration digest, with a second and a third kind of turn. */
const DIGEST_TASK: Task = {
  schema: 'clawgym.task/v1',
  id: 'digest',
  instruction: {
    turns: [
      { text: 'first', newSession: false },
      { text: 'same session', newSession: false },
      { text: 'new session', newSession: true },
    ],
  },
  workspace: { path: '/workspace', inputs: [] },
  outputs: [],
  weights: { code: '0.7', rubric: '0.3' },
  environment: { network: 'none', limits: {}, needs: [], env: {} },
  timeouts: { agentSeconds: 900, verifierSeconds: 60 },
  category: '',
  cluster: '',
  licence: '',
  extra: {},
  provenance: {},
};
