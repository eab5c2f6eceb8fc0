import type { Agent } from './agent.ts';
import { builtinAgent } from './builtin-agent.ts';

/** Changes nothing: the lowest floor that a task's verifier must show. */
export function nopAgent(): Agent {
  return builtinAgent({
    name: 'nop',
    revision: 1,
    config: {},
    plan: () => Promise.resolve({ kind: 'builtin', changes: [] }),
  });
}
