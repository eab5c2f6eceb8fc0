import type { AgentName } from '../api/agent-spec.ts';
import type { ArmKind } from './results.ts';

/** What an arm's score is worth as evidence about a model. */
export function armKind(agent: AgentName, answers: 'nothing' | 'recording' | 'endpoint'): ArmKind {
  switch (agent) {
    case 'nop':
    case 'lazy':
      return 'floor';
    case 'solution':
      return 'ceiling';
    case 'cheat':
      return 'cheat';
    case 'command':
    case 'pi':
    case 'openclaw':
      if (answers === 'nothing') return 'program';
      return answers === 'recording' ? 'replay' : 'model';
  }
}
