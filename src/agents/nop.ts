import type { Agent } from './agent.ts';
import type { AgentHost } from './agent-host.ts';
import { builtinAgent } from './builtin-agent.ts';

/** Changes nothing: the lowest floor that a task's verifier must show. */
export function nopAgent(host: AgentHost): Agent {
  return builtinAgent(
    { name: 'nop', config: {}, plan: () => Promise.resolve({ kind: 'builtin', changes: [] }) },
    host,
  );
}
