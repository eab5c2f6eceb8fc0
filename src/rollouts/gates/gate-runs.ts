import type { AgentSpec } from '../../api/agent-spec.ts';
import { CHEAT_BOUNDS } from '../cheat-bounds.ts';
import type { TaskFacts } from './verdict.ts';

/** The admission gates that need no model, as conditions of a ClawTask, in the order in which people read them. */
export const GATES = [
  'StaticPassed',
  'NopPassed',
  'LazyPassed',
  'SolutionPassed',
  'CheatsPassed',
  'VerifierStable',
] as const;
export type Gate = (typeof GATES)[number];

/** Runs of agents that the gates read. */
export const GATE_RUNS = ['nop', 'lazy', 'solution', 'cheats'] as const;
export type GateRun = (typeof GATE_RUNS)[number];

/** A flat score of `lazy` above this says that empty outputs are worth too much. */
export const LAZY_CEILING = 0.3;
/** Runs of `nop` that must all be 0, and of the solution that must all be 1. */
export const REPEATS = 3;
/** Verdicts on the same work that must be identical. */
export const STABLE_REPEATS = 5;

export interface RunPlan {
  readonly run: GateRun;
  readonly agent: AgentSpec;
  readonly samples: number;
}

/**
 * The runs that a task needs. The verifier's stability is seen on the solution's work; where there
 * is none, on the work of `lazy`. A task that only a judge grades has nothing to run.
 */
export function gateRuns({
  hasSolution,
  hasVerifier,
}: Pick<TaskFacts, 'hasSolution' | 'hasVerifier'>): readonly RunPlan[] {
  if (!hasVerifier) return [];
  return [
    { run: 'nop', agent: { name: 'nop' }, samples: REPEATS },
    { run: 'lazy', agent: { name: 'lazy' }, samples: hasSolution ? 1 : STABLE_REPEATS },
    ...(hasSolution
      ? ([{ run: 'solution', agent: { name: 'solution' }, samples: STABLE_REPEATS }] as const)
      : []),
    { run: 'cheats', agent: { name: 'cheat' }, samples: CHEAT_BOUNDS.length },
  ];
}
