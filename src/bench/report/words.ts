import type { ArmKind, ResultOutcome } from '../results.ts';

/** How the report names what the schema codes. */
export const KIND_WORDS: Readonly<
  Record<ArmKind, { readonly label: string; readonly hint: string }>
> = {
  floor: { label: 'floor', hint: 'does nothing useful: what a score is worth without work' },
  ceiling: { label: 'ceiling', hint: 'the reference solutions: what a perfect agent gets' },
  replay: { label: 'replay', hint: 'a real harness over recorded model answers' },
  program: { label: 'program', hint: 'a command that was given no model' },
  model: { label: 'model', hint: 'a model result' },
  cheat: { label: 'cheat', hint: 'attacks on the verifiers: should get nothing' },
};

/** Words and colour classes of outcomes, in the order in which they are drawn. */
export const OUTCOME_WORDS: Readonly<
  Record<ResultOutcome, { readonly label: string; readonly tone: string }>
> = {
  scored: { label: 'scored', tone: 'scored' },
  agent_timeout: { label: 'agent time-out', tone: 'timeout' },
  agent_error: { label: 'agent error', tone: 'error' },
  budget_exhausted: { label: 'budget used up', tone: 'budget' },
  infra_error: { label: 'infrastructure error', tone: 'missing' },
  verifier_error: { label: 'verifier error', tone: 'missing' },
  judge_error: { label: 'judge error', tone: 'missing' },
  cancelled: { label: 'cancelled', tone: 'missing' },
  undecided: { label: 'not finished', tone: 'missing' },
  not_gradable: { label: 'not gradable', tone: 'apart' },
};
