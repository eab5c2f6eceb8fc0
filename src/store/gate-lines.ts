import { canonicalJson } from '../base/canonical-json.ts';
import { sha256 } from '../base/digest.ts';
import type { RolloutLines } from '../protocol/operator-api.ts';
import type { RolloutDecision, RolloutRow } from './records.ts';

/** One line a rollout for the gates of a task, in plan order. */
export function gateLines(rows: readonly RolloutRow[]): RolloutLines {
  return rows.map(({ taskId, sample, decision }) => ({
    taskId,
    sample,
    ...(decision !== undefined && { outcome: decision.outcome }),
    reason: decision?.reason ?? '',
    flat: decision?.score.flat ?? null,
    native: decision?.score.native ?? null,
    final: decision?.score.final ?? null,
    checks: checksDigest(decision?.checks ?? []),
    allZero: (decision?.checks ?? []).every(({ value }) => value === 0),
    findings: findingCodes(decision),
  }));
}

function checksDigest(checks: RolloutDecision['checks']): ReturnType<typeof sha256> {
  return sha256(canonicalJson(checks.map(({ name, value }) => [name, value])));
}

function findingCodes(decision: RolloutDecision | undefined): string[] {
  return [...new Set((decision?.findings ?? []).map(({ code }) => code))];
}
