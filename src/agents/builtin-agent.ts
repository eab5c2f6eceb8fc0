import { ClawError } from '../base/error.ts';
import type { Task } from '../tasks/task.ts';
import type { Agent, AgentPlan, AgentTaskContext, PreparedAgent } from './agent.ts';
import { configDigest } from './agent-host.ts';

/** A harness that is part of the product: nothing to install. */
export interface BuiltinAgentSpec {
  readonly name: string;
  /**
   * Its version: a number that is raised with every change of what it does for a task, and with nothing
   * else. A new release of the product alone leaves runs of before comparable, and lets them go on.
   */
  readonly revision: number;
  /** Everything beside name and version that shapes what it does. */
  readonly config: object;
  /** As in PreparedAgent; absent: it never starts a program. */
  programMiB?(task: Task): number;
  unsuited?(task: Task): { readonly reason: string; readonly message: string } | undefined;
  plan(task: Task, context: AgentTaskContext): Promise<AgentPlan>;
}

export function builtinAgent(spec: BuiltinAgentSpec): Agent {
  const { name, config } = spec;
  const version = String(spec.revision);
  const prepared: PreparedAgent = {
    name,
    version,
    configDigest: configDigest({ name, version, config }),
    programMiB: (task) => spec.programMiB?.(task) ?? 0,
    unsuited: (task) => spec.unsuited?.(task),
    plan: (task, context) => spec.plan(task, context),
  };
  const ready = (): Promise<PreparedAgent> => Promise.resolve(prepared);
  return { name, prepare: ready, fromImage: ready };
}

/** The model name of a run, for harnesses that cannot work without one. */
export function requireModel(agent: string, context: AgentTaskContext): string {
  if (context.model !== undefined) return context.model;
  throw new ClawError(
    'InvalidInput',
    `agent ${JSON.stringify(agent)} talks to a model and the run names none: give a model and its endpoint`,
  );
}
