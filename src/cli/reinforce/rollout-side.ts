import type { PreparedAgent } from '../../agents/agent.ts';
import { agentFor } from '../../agents/registry.ts';
import { hostMemoryFacts, memoryScratchFolder } from '../../engines/local/memory-scratch.ts';
import type { Upstream } from '../../gateway/upstream.ts';
import { CompiledVerifiers } from '../../phases/compiled-verifiers.ts';
import { ensureGradePrograms } from '../../phases/grade-programs.ts';
import { agentOptions } from '../../server/planning/agent-settings.ts';
import { keepTaskSet } from '../keep-task-set.ts';
import { loadTasks, type RunTasks } from '../load-tasks.ts';
import { openHostSandbox } from '../local-host.ts';
import { type LocalSession, openLocalSession } from '../local-session.ts';
import { sandboxNode } from '../sandbox-node.ts';
import type { ReinforceOptions } from './reinforce-local.ts';
import type { ReinforceRequest } from './reinforce-request.ts';

/** What plays and grades the rollouts of a run. */
export interface RolloutSide {
  readonly agent: PreparedAgent;
  readonly tasks: RunTasks;
  /** Those of the training where the run names no others. */
  readonly evaluationTasks: RunTasks;
  readonly session: LocalSession;
}

/** Opens sandbox, tasks, agent and stores; the stack closes them. */
export async function openRolloutSide(
  request: ReinforceRequest,
  { environment, logger, signal, out }: ReinforceOptions,
  upstreams: ReadonlyMap<string, Upstream>,
  stack: AsyncDisposableStack,
): Promise<RolloutSide> {
  const { cacheDir, uid, env } = environment;
  const sandbox = stack.use(await openHostSandbox(environment, logger, signal));
  const tasks = stack.use(await loadTasks(request.tasks, logger, signal));
  const kept = request.evaluation?.tasks;
  const evaluationTasks =
    kept === undefined ? tasks : stack.use(await loadTasks(kept, logger, signal));
  const programsDir = await ensureGradePrograms({ cacheDir, sandbox, signal });
  const nodeVersion = process.versions.node;
  const nodePath = await sandboxNode(process.execPath, nodeVersion, cacheDir, uid);
  const { name, agent: spec } = request;
  const harness = agentFor(agentOptions({ name, agent: spec }), { nodePath, nodeVersion, env });
  const agent = await harness.prepare({ cacheDir, logger, signal });
  const memoryFolder = memoryScratchFolder(hostMemoryFacts());
  const compiled = stack.use(new CompiledVerifiers({ cacheDir, sandbox, logger }));
  const session = stack.use(
    await openLocalSession({
      ...{ out, sandbox, memoryFolder, programsDir, compiled, upstreams, logger, signal },
    }),
  );
  for (const { set, whole } of [tasks, evaluationTasks]) {
    await keepTaskSet(session.artifacts, whole, signal);
    compiled.prepare(set);
  }
  return { agent, tasks, evaluationTasks, session };
}
