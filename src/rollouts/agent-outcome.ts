import type { AgentEnd, Outcome } from './outcome.ts';

/**
 * The class of an attempt whose workspace is safe (or was refused), by how its agent ended
 * (design: rollouts.md 5). Partial work counts: every one of these is verified.
 */
export function agentOutcome(end: AgentEnd): Outcome {
  switch (end.reason) {
    case 'Budget':
      return 'budget_exhausted';
    case 'Deadline':
      return 'agent_timeout';
    case 'MemoryLimit':
    case 'WorkspaceLimit':
      return 'agent_error';
    case 'Cancelled':
      return 'cancelled';
    case 'Exited':
      return end.exitCode === 0 ? 'scored' : 'agent_error';
  }
}
