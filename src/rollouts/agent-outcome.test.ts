import { expect, it } from 'vitest';
import { agentOutcome } from './agent-outcome.ts';
import type { AgentEnd, Outcome } from './outcome.ts';

const end = (reason: AgentEnd['reason'], exitCode: number | null = null): AgentEnd => ({
  reason,
  exitCode,
  signal: null,
  seconds: 1,
});

it.each<[string, AgentEnd, Outcome, Outcome]>([
  ['by exit 0', end('Exited', 0), 'scored', 'agent_error'],
  ['by exit 9', end('Exited', 9), 'agent_error', 'agent_error'],
  ['by a signal', end('Exited'), 'agent_error', 'agent_error'],
  ['at its deadline', end('Deadline'), 'agent_timeout', 'agent_error'],
  ['for memory', end('MemoryLimit'), 'agent_error', 'agent_error'],
  ['for its workspace', end('WorkspaceLimit'), 'agent_error', 'agent_error'],
  ['for its connections', end('ConnectionLimit'), 'agent_error', 'agent_error'],
  ['for its budget', end('Budget'), 'budget_exhausted', 'budget_exhausted'],
  ['because it was stopped', end('Cancelled'), 'cancelled', 'cancelled'],
])('an agent that ended %s', (_how, ended, present, refused) => {
  expect(agentOutcome(ended, 'present')).toBe(present);
  expect(agentOutcome(ended, 'refused')).toBe(refused);
});
