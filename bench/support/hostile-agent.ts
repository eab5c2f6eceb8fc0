import type { VerificationResult } from '../../src/rollouts/next-verification.ts';
import type { FindingCode, Outcome } from '../../src/rollouts/outcome.ts';

/** An agent as a task: the instruction is its program, which `bash` runs in the workspace. */
export interface HostileAgent {
  readonly name: string;
  /** Bash. */
  readonly script: string;
  /** What it may be decided as; more than one where it is a matter of timing. */
  readonly outcome: readonly Outcome[];
  /** Exact score; absent where it is a matter of timing. */
  readonly flat?: number;
  /** Findings that must be there; others may be as well. Absent where they are a matter of timing. */
  readonly codes?: readonly FindingCode[];
  /** Exact kinds of its verifications, in order of time. */
  readonly verifications?: readonly VerificationResult['kind'][];
  readonly agentSeconds?: number;
  readonly verifier?: string;
  /** Something from outside of the pod belongs to it, which the local engine does not have. */
  readonly clusterOnly?: true;
}

/** Printed by the agent that waits to be killed from outside. */
export const KILL_ME = 'ready to be killed from outside';
/** Printed by one agent, and looked for by another. */
export const ANOTHERS_SECRET = 'what another attempt printed, 6e0f7c1d\n';

/** Solves the task in full; hostile scripts do it first, so that what they lose shows. */
export const SOLVE = 'mkdir -p out; echo 42 > out/answer.txt; echo done > out/note.txt\n';
export const python = (code: string): string => `exec python3 - <<'PY'\n${code}\nPY\n`;

export const scored = { outcome: ['scored'], flat: 1 } as const;
/** A verifier that fails twice here and works on the untouched inputs: a crash, and the agent's doing. */
export const crashed = {
  outcome: ['scored'],
  flat: 0,
  codes: ['AgentOutputBrokeVerifier'],
} as const;
export const failed = { outcome: ['agent_error'], flat: 1 } as const;
