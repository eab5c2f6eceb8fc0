import { ClawError } from '../base/error.ts';
import type { Task } from '../tasks/task.ts';
import type { Agent, AgentPlan, AgentTaskContext, PreparedAgent } from './agent.ts';
import { type AgentHost, configDigest } from './agent-host.ts';

/** A harness that is part of the product: nothing to install, its version is the product's. */
export interface BuiltinAgentSpec {
  readonly name: string;
  /** Everything beside name and version that shapes what it does. */
  readonly config: object;
  /** As in PreparedAgent; absent: it never starts a program. */
  programMiB?(task: Task): number;
  unsuited?(task: Task): { readonly reason: string; readonly message: string } | undefined;
  plan(task: Task, context: AgentTaskContext): Promise<AgentPlan>;
}

export function builtinAgent(spec: BuiltinAgentSpec, host: AgentHost): Agent {
  const prepared: PreparedAgent = {
    name: spec.name,
    version: host.productVersion,
    configDigest: configDigest({
      name: spec.name,
      version: host.productVersion,
      config: spec.config,
    }),
    programMiB: (task) => spec.programMiB?.(task) ?? 0,
    unsuited: (task) => spec.unsuited?.(task),
    plan: (task, context) => spec.plan(task, context),
  };
  const ready = (): Promise<PreparedAgent> => Promise.resolve(prepared);
  return { name: spec.name, prepare: ready, fromImage: ready };
}

/** The model name of a run, for harnesses that cannot work without one. */
export function requireModel(agent: string, context: AgentTaskContext): string {
  if (context.model !== undefined) return context.model;
  throw new ClawError(
    'InvalidInput',
    `agent ${JSON.stringify(agent)} talks to a model and the run names none: give a model and its endpoint`,
  );
}
