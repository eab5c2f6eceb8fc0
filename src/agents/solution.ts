import type { Task } from '../tasks/task.ts';
import type { BlobSource } from '../tasks/task-set.ts';
import { AGENT_DIR, type Agent, type AgentPlan, type WorkspaceChange } from './agent.ts';
import { builtinAgent } from './builtin-agent.ts';
import { turnFiles } from './turn-files.ts';

/** Where a solution script finds itself and its files; never in the workspace. */
const SOLUTION_DIR = `${AGENT_DIR}/solution`;
/** Bash and small tools. */
const SCRIPT_MEMORY_MIB = 64;

/**
 * Applies the task's reference solution: the ceiling that a task must let an agent reach. Without a
 * script its files are laid over the workspace; with one, bash runs it in the sandbox with the
 * workspace as its folder, and the files stay outside of the workspace.
 */
export function solutionAgent(): Agent {
  return builtinAgent({
    name: 'solution',
    revision: 1,
    config: {},
    programMiB: (task) => (task.solution?.script === undefined ? 0 : SCRIPT_MEMORY_MIB),
    unsuited: (task) =>
      task.solution === undefined
        ? {
            reason: 'NoReferenceSolution',
            message: `task ${task.id} has no reference solution`,
          }
        : undefined,
    plan: (task, context) => solutionPlan(task, context.blobs),
  });
}

async function solutionPlan(task: Task, blobs: BlobSource): Promise<AgentPlan> {
  const files = await Promise.all(
    (task.solution?.files ?? []).map(async (file) => ({
      path: file.path,
      executable: file.executable,
      content: await blobs.read(file.digest),
    })),
  );
  const script = task.solution?.script;
  if (script !== undefined) return scriptPlan(task, script, files);
  const changes = files.map((file): WorkspaceChange => ({ op: 'write', ...file }));
  return { kind: 'builtin', changes };
}

interface SolutionFile {
  readonly path: string;
  readonly content: Uint8Array;
}

function scriptPlan(task: Task, script: string, files: readonly SolutionFile[]): AgentPlan {
  return {
    kind: 'process',
    commands: [{ argv: ['bash', `${SOLUTION_DIR}/${script}`] }],
    files: [
      ...turnFiles(task),
      ...files.map(({ path, content }) => ({ path: `${SOLUTION_DIR}/${path}`, content })),
    ],
    mounts: [],
    env: { ...task.environment.env, CLAWGYM_SOLUTION_DIR: SOLUTION_DIR },
    memoryMiB: SCRIPT_MEMORY_MIB,
  };
}
