import { ClawError } from '../base/error.ts';
import type { Task } from '../tasks/task.ts';
import type { Agent, AgentPlan, AgentTaskContext } from './agent.ts';
import { builtinAgent } from './builtin-agent.ts';
import { CHEAT_FAMILIES } from './cheat-families.ts';
import { type CheatFamily, cheatTarget } from './cheats/cheat-family.ts';
import { turnFiles } from './turn-files.ts';

/** A shell and small tools. */
const MEMORY_MIB = 64;

/** An agent that tries one way to a score without the work; `cheat:<family>`. */
export function cheatAgent(familyName: string): Agent {
  const family = CHEAT_FAMILIES.find(({ name }) => name === familyName);
  if (family === undefined) {
    const known = CHEAT_FAMILIES.map(({ name }) => name).join(', ');
    throw new ClawError(
      'InvalidInput',
      `agent cheat: unknown family ${JSON.stringify(familyName)}; known: ${known}`,
    );
  }
  return builtinAgent({
    name: `cheat:${family.name}`,
    revision: family.revision ?? 1,
    config: { family: family.name },
    programMiB: () => MEMORY_MIB,
    plan: (task, context) => cheatPlan(family, task, context),
  });
}

async function cheatPlan(
  family: CheatFamily,
  task: Task,
  { blobs }: AgentTaskContext,
): Promise<AgentPlan> {
  const target = await cheatTarget(task, (input) => blobs.read(input.digest));
  const move = family.build(target);
  if (move.kind === 'builtin') return move;
  return {
    kind: 'process',
    commands: move.commands,
    files: [...turnFiles(task), ...move.files],
    mounts: [],
    env: task.environment.env,
    memoryMiB: MEMORY_MIB,
  };
}
