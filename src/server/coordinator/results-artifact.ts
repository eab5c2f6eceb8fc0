import type { RolloutId } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { sha256 } from '../../base/digest.ts';
import type { RolloutLines } from '../../protocol/operator-api.ts';
import type { RolloutDecision, RolloutRow } from '../../store/records.ts';

/**
 * The results of a batch: one line of canonical JSON a rollout, in plan order. Made of what was decided
 * alone, so that the same decisions give the same digest whenever and wherever they were made.
 */
export function batchResults(rows: readonly RolloutRow[]): string {
  return rows.map((row) => `${canonicalJson(resultLine(row))}\n`).join('');
}

function resultLine({ id, taskId, taskDigest, sample, decision }: RolloutRow): object {
  return {
    rollout: id,
    task: taskId,
    taskDigest,
    sample,
    outcome: decision?.outcome ?? 'undecided',
    reason: decision?.reason ?? '',
    score: decision?.score,
    asLeft: decision?.asLeft,
    // A list: names of checks are a stranger's, and their order is part of the flat score.
    checks: (decision?.checks ?? []).map(({ name, value }) => [name, value]),
    findings: decision?.findings ?? [],
    attempt: decision?.attempt === undefined ? undefined : attemptNumber(id, decision.attempt),
  };
}

/** Ids of attempts hold the uid of their batch; their number is what is the same everywhere. */
function attemptNumber(rollout: RolloutId, attempt: string): number {
  return Number(attempt.slice(rollout.length + 1));
}

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
