import type { AgentEnd, Outcome } from './outcome.ts';

/**
 * The class of an attempt whose workspace is safe or was refused, by how its agent ended; the order
 * is that of the table in rollouts.md 5. A workspace beyond its caps is the agent's error whether it
 * ended by itself or at its deadline, but not where we ended it for a budget or stopped it.
 * Partial work counts: every one of these is verified where there is a snapshot.
 */
export function agentOutcome(end: AgentEnd, snapshot: 'present' | 'refused'): Outcome {
  if (end.reason === 'Budget') return 'budget_exhausted';
  if (end.reason === 'Cancelled') return 'cancelled';
  if (snapshot === 'refused') return 'agent_error';
  switch (end.reason) {
    case 'Deadline':
      return 'agent_timeout';
    case 'MemoryLimit':
    case 'WorkspaceLimit':
    case 'ConnectionLimit':
      return 'agent_error';
    case 'Exited':
      return end.exitCode === 0 ? 'scored' : 'agent_error';
  }
}

/**
 * True where the agent itself used up the network that its model calls share: a model that it lost with
 * it is no infrastructure failure, or any agent could buy a retry.
 */
export function brokeItsNetwork({ reason }: Pick<AgentEnd, 'reason'>): boolean {
  return reason === 'ConnectionLimit';
}
