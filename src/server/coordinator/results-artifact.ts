import type { RolloutId } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import type { RolloutRow } from '../../store/records.ts';

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
