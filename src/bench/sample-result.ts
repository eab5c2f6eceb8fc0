import { NO_SCORE } from '../rollouts/outcome.ts';
import type { SampleResult, Tokens } from './results.ts';
import type { AttemptFacts, RolloutFacts } from './run-facts.ts';

/** One planned rollout as results.json shows it. */
export function sampleResult({ row, attempts }: RolloutFacts): SampleResult {
  const { decision } = row;
  return {
    rollout: row.id,
    sample: row.sample,
    outcome: decision?.outcome ?? 'undecided',
    reason: decision?.reason ?? '',
    score: decision?.score ?? NO_SCORE,
    asLeft: decision?.asLeft ?? null,
    // fromEntries, because a check may be named "__proto__"
    checks: Object.fromEntries(decision?.checks.map(({ name, value }) => [name, value]) ?? []),
    findings: [...(decision?.findings ?? [])],
    seconds: attempts.reduce((sum, attempt) => sum + (attempt.row.end?.agent.seconds ?? 0), 0),
    tokens: sumTokens(attempts.map(tokensOf)),
    tries: attempts.length,
  };
}

function tokensOf(attempt: AttemptFacts): Tokens {
  const finished = attempt.calls.map((call) => call.finish);
  return {
    input: finished.reduce((sum, finish) => sum + (finish?.inputTokens ?? 0), 0),
    output: finished.reduce((sum, finish) => sum + (finish?.outputTokens ?? 0), 0),
    calls: finished.length,
    unmetered: finished.filter(
      (finish) => finish?.inputTokens === undefined || finish.outputTokens === undefined,
    ).length,
  };
}

export function sumTokens(parts: readonly Tokens[]): Tokens {
  const sum = { input: 0, output: 0, calls: 0, unmetered: 0 };
  for (const part of parts) {
    sum.input += part.input;
    sum.output += part.output;
    sum.calls += part.calls;
    sum.unmetered += part.unmetered;
  }
  return sum;
}
