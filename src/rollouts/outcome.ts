/**
 * The class of a finished attempt (design: architecture.md 2). The first four are the agent's
 * result and count; the next four are missing data, never a reward of 0; `not_gradable` is left out
 * of the plan.
 */
export const OUTCOMES = [
  'scored',
  'agent_timeout',
  'agent_error',
  'budget_exhausted',
  'infra_error',
  'verifier_error',
  'judge_error',
  'cancelled',
  'not_gradable',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

const AGENT_RESULTS: ReadonlySet<Outcome> = new Set([
  'scored',
  'agent_timeout',
  'agent_error',
  'budget_exhausted',
]);

/** True where the outcome is the agent's own result, so that it enters means. */
export function isAgentResult(outcome: Outcome): boolean {
  return AGENT_RESULTS.has(outcome);
}

/**
 * Something a reader of a score must know: a protected input was changed, the verifier was flaky,
 * an output was a link. `code` is stable, `message` is for people.
 */
export interface Finding {
  readonly code: FindingCode;
  readonly message: string;
}

export const FINDING_CODES = [
  'ProtectedInputChanged',
  'ProtectedInputDeleted',
  'ShadowingModuleRemoved',
  'SnapshotRefused',
  'SnapshotNeverArrived',
  'EntrySkipped',
  'WorkspaceLimit',
  'MemoryLimit',
  'ConnectionLimit',
  'PidsLimit',
  'OutputTruncated',
  'ChildKilledForMemory',
  'VerifierFlake',
  'AgentOutputBrokeVerifier',
  'UnexpectedCheckNames',
  'RubricNotJudged',
  'VerifierRunsAgentCode',
  'HostPython',
  'NoResourceLimits',
  'VerifierVisibleInWorkspace',
  'LinkLost',
  'UpstreamFailed',
] as const;
export type FindingCode = (typeof FINDING_CODES)[number];

/** Why an agent's process ended, in the words of the wrapper in its sandbox. */
export const REPORTED_ENDS = [
  'Exited',
  'Deadline',
  'MemoryLimit',
  'WorkspaceLimit',
  'ConnectionLimit',
  'Cancelled',
] as const;
/** The same with what only the gateway knows. */
export const AGENT_ENDS = [...REPORTED_ENDS, 'Budget'] as const;

/** How the agent's process ended, as the wrapper saw it. */
export interface AgentEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why the wrapper ended the agent, where it did. */
  readonly reason: (typeof AGENT_ENDS)[number];
  /** Wall seconds from start to end of the agent's process. */
  readonly seconds: number;
}

/** Scores of one verification; each in [0, 1], or null where that half does not exist. */
export interface Score {
  readonly flat: number | null;
  readonly native: number | null;
  readonly rubric: number | null;
  readonly final: number | null;
}

/** Where nothing was graded. */
export const NO_SCORE: Score = { flat: null, native: null, rubric: null, final: null };

/** One named check of a verifier, in the verifier's own order. */
export interface Check {
  readonly name: string;
  readonly value: number;
}
