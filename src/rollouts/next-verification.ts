import type { Check, Finding } from './outcome.ts';
import { uniqueFindings } from './unique-findings.ts';

/** What the decision needs of a verification; the store's rows have it. */
export interface VerificationResult {
  readonly kind: 'main' | 'asLeft' | 'doubled' | 'pristine';
  readonly status: 'ok' | 'crash' | 'timeout' | 'invalid';
  readonly message: string;
  readonly checks: readonly Check[];
  readonly flat: number | null;
  readonly native: number | null;
  readonly findings: readonly Finding[];
}

export interface VerificationFacts {
  /** `refused`: the agent's workspace broke a cap of the snapshot; then nothing is run. */
  readonly snapshot: 'present' | 'refused';
  /** Why it was refused, for people; empty otherwise. */
  readonly refusal: string;
  /** True where a protected input was changed or deleted, so that the main run restored it. */
  readonly protectedInputChanged: boolean;
  readonly agentCode: 'none' | 'child' | 'in-process';
  /**
   * The check-name lists seen in the task's own gate runs (nop, lazy, solution); undefined where
   * there were none. Only their sets matter, and only where the verifier runs agent code.
   */
  readonly knownCheckNames: readonly (readonly string[])[] | undefined;
}

export type VerificationStep =
  /**
   * `main`: snapshot with protected inputs restored. `doubled`: the same with twice the time and
   * memory. `pristine`: the untouched inputs alone. `asLeft`: the snapshot as it is.
   */
  | { readonly do: 'run'; readonly kind: VerificationResult['kind'] }
  | {
      readonly do: 'decide';
      readonly code: { readonly flat: number; readonly native: number };
      readonly checks: readonly Check[];
      /** Of the workspace as it was left; undefined where nothing protected changed or it failed. */
      readonly asLeft: { readonly flat: number; readonly native: number } | undefined;
      readonly findings: readonly Finding[];
    }
  /** The verifier fails on untouched inputs too: missing data, no score. */
  | {
      readonly do: 'verifierError';
      readonly message: string;
      readonly findings: readonly Finding[];
    };

type Decision = Pick<Extract<VerificationStep, { do: 'decide' }>, 'code' | 'checks' | 'findings'>;

const ZERO = { flat: 0, native: 0 } as const;

/**
 * The verdict rules (design: rollouts.md 7), from the verifications of one attempt alone: the same
 * rows give the same step, in whatever order they were written. Runs that were killed by the node
 * are no rows; the engine repeats them.
 */
export function nextVerification(
  rows: readonly VerificationResult[],
  facts: VerificationFacts,
): VerificationStep {
  if (facts.snapshot === 'refused') return refused(facts.refusal);
  const find = (kind: VerificationResult['kind']): VerificationResult | undefined =>
    rows.find((row) => row.kind === kind);

  const main = find('main');
  if (main === undefined) return { do: 'run', kind: 'main' };
  let decision: Decision;
  if (main.status === 'ok') {
    decision = accept(main, facts, []);
  } else {
    const doubled = find('doubled');
    if (doubled === undefined) return { do: 'run', kind: 'doubled' };
    if (doubled.status === 'ok') {
      decision = accept(doubled, facts, [flake(main)]);
    } else {
      const pristine = find('pristine');
      if (pristine === undefined) return { do: 'run', kind: 'pristine' };
      if (pristine.status !== 'ok') return broken(main, pristine);
      decision = blame(main, doubled, pristine);
    }
  }

  const asLeft = find('asLeft');
  if (facts.protectedInputChanged && asLeft === undefined) return { do: 'run', kind: 'asLeft' };
  return {
    do: 'decide',
    code: decision.code,
    checks: decision.checks,
    asLeft: facts.protectedInputChanged && asLeft ? scoreOf(asLeft) : undefined,
    findings: uniqueFindings([...decision.findings, ...ownFindings(facts)]),
  };
}

/** A run that worked: its score, unless the verifier runs agent code and prints other checks. */
function accept(
  row: VerificationResult,
  facts: VerificationFacts,
  findings: readonly Finding[],
): Decision {
  const all = [...findings, ...row.findings];
  const code = scoreOf(row) ?? ZERO;
  const known = facts.agentCode === 'none' ? undefined : facts.knownCheckNames;
  const expected = known?.[0];
  if (known === undefined || expected === undefined || known.some((names) => sameSet(names, row))) {
    return { code, checks: row.checks, findings: all };
  }
  const names = row.checks.map((check) => check.name);
  const message = `the verifier runs what the agent wrote and printed the checks ${quoted(names)}, which none of the task's own runs did: not counted`;
  return {
    code: ZERO,
    checks: expected.map((name) => ({ name, value: 0 })),
    findings: [...all, { code: 'UnexpectedCheckNames', message }],
  };
}

/** The verifier works on the untouched inputs and not on what the agent left: the agent's result. */
function blame(
  main: VerificationResult,
  doubled: VerificationResult,
  pristine: VerificationResult,
): Decision {
  const message = `the verifier works on the untouched inputs and fails on this workspace: ${ending(doubled)}`;
  return {
    code: ZERO,
    checks: pristine.checks.map((check) => ({ name: check.name, value: 0 })),
    findings: [
      { code: 'AgentOutputBrokeVerifier', message },
      ...main.findings,
      ...doubled.findings,
    ],
  };
}

function broken(main: VerificationResult, pristine: VerificationResult): VerificationStep {
  return {
    do: 'verifierError',
    message: `the verifier fails on the untouched inputs too: ${ending(pristine)}; on the workspace: ${ending(main)}`,
    findings: uniqueFindings([...main.findings, ...pristine.findings]),
  };
}

function refused(refusal: string): VerificationStep {
  const message = `the workspace was refused, so nothing of it was graded: ${refusal}`;
  return {
    do: 'decide',
    code: ZERO,
    checks: [],
    asLeft: undefined,
    findings: [{ code: 'SnapshotRefused', message }],
  };
}

function flake(main: VerificationResult): Finding {
  return {
    code: 'VerifierFlake',
    message: `the first run failed and the second, with twice the time and memory, did not: ${ending(main)}`,
  };
}

function ownFindings(facts: VerificationFacts): readonly Finding[] {
  if (facts.agentCode !== 'in-process') return [];
  const message =
    "the verifier runs the agent's files where they reach its result: it can be forged";
  return [{ code: 'VerifierRunsAgentCode', message }];
}

function scoreOf(row: VerificationResult): { flat: number; native: number } | undefined {
  if (row.status !== 'ok' || row.flat === null || row.native === null) return undefined;
  return { flat: row.flat, native: row.native };
}

function ending(row: VerificationResult): string {
  return row.message === '' ? row.status : `${row.status}, ${row.message}`;
}

function sameSet(names: readonly string[], row: VerificationResult): boolean {
  const known = new Set(names);
  const seen = new Set(row.checks.map((check) => check.name));
  return known.size === seen.size && [...seen].every((name) => known.has(name));
}

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => JSON.stringify(name.slice(0, 60)));
  return shown.join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
}
