import type { Task } from '../tasks/task.ts';
import type { ProcessPlan } from './agent.ts';
import { AGENT_DIR } from './agent.ts';

/** The whole instruction inside the sandbox; turns are joined by a blank line. */
export const INSTRUCTION_FILE = `${AGENT_DIR}/instruction.md`;

/** File of one turn inside the sandbox; turns count from 1. */
export function turnFile(turn: number): string {
  return `${AGENT_DIR}/turns/${turn}.md`;
}

/** The instruction files that every sandboxed agent finds, with what a harness puts before a turn. */
export function turnFiles(task: Task, prefix = ''): ProcessPlan['files'] {
  const texts = task.instruction.turns.map((turn) => turn.text);
  return [
    { path: INSTRUCTION_FILE, content: texts.join('\n\n') },
    ...texts.map((text, index) => ({ path: turnFile(index + 1), content: `${prefix}${text}` })),
  ];
}

/**
 * The conversation that each turn belongs to, counted from 1: a turn with `newSession` opens the
 * next one, the first turn always opens one.
 */
export function sessionNumbers(task: Task): readonly number[] {
  let session = 1;
  return task.instruction.turns.map((turn, index) => {
    if (index > 0 && turn.newSession) session += 1;
    return session;
  });
}
