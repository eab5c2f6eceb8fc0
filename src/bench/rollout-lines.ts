import type { Check } from '../rollouts/outcome.ts';
import type { RolloutRow } from '../store/records.ts';
import type { ArmResult, Results, SampleResult, TaskResult } from './results.ts';

/**
 * rollouts.jsonl: one flat row a planned rollout, for spreadsheets and data frames. `checks` is a
 * list of [name, value] in the verifier's order, from which `flat` can be computed to the bit.
 */
export function rolloutLines(
  results: Results,
  rows: readonly Pick<RolloutRow, 'id' | 'decision'>[],
): string {
  const checks = checksByRollout(rows);
  return results.arms
    .flatMap((arm) =>
      arm.tasks.flatMap((task) =>
        task.attempts.map(
          (sample) =>
            `${JSON.stringify({ ...flatRow(arm, task, sample), checks: checks.get(sample.rollout) ?? [] })}\n`,
        ),
      ),
    )
    .join('');
}

function flatRow(arm: ArmResult, task: TaskResult, sample: SampleResult): object {
  return {
    arm: arm.name,
    kind: arm.kind,
    agent: arm.agent.name,
    agentVersion: arm.agent.version,
    model: arm.model,
    task: task.id,
    taskDigest: task.digest,
    category: task.category,
    cluster: task.cluster,
    agentCode: task.agentCode,
    sample: sample.sample,
    rollout: sample.rollout,
    outcome: sample.outcome,
    reason: sample.reason,
    flat: sample.score.flat,
    native: sample.score.native,
    rubric: sample.score.rubric,
    final: sample.score.final,
    asLeftFlat: sample.asLeft?.flat ?? null,
    asLeftNative: sample.asLeft?.native ?? null,
    asLeftFinal: sample.asLeft?.final ?? null,
    seconds: sample.seconds,
    inputTokens: sample.tokens.input,
    outputTokens: sample.tokens.output,
    calls: sample.tokens.calls,
    unmeteredCalls: sample.tokens.unmetered,
    tries: sample.tries,
    findings: sample.findings.map((finding) => finding.code),
  };
}

/** From the rows: an object would move names that look like numbers to the front. */
function checksByRollout(
  rows: readonly Pick<RolloutRow, 'id' | 'decision'>[],
): ReadonlyMap<string, readonly [string, number][]> {
  const pairs = (checks: readonly Check[]): [string, number][] =>
    checks.map(({ name, value }) => [name, value]);
  return new Map(rows.map(({ id, decision }) => [id, pairs(decision?.checks ?? [])]));
}
