import { artifactDigest } from '../../api/model-ref.ts';
import { asSha256 } from '../../base/brand.ts';
import { fourDigits } from '../../base/four-digits.ts';
import type { BatchState, JobState, Shape } from '../../protocol/operator-api.ts';
import { indexRanges } from '../../rollouts/index-ranges.ts';
import { isAgentResult } from '../../rollouts/outcome.ts';
import type { CountedJobRow, WorkItem } from '../../store/cluster-records.ts';
import { readExportsNote } from './batch-exports.ts';
import type { BatchSpec } from './frozen-spec.ts';
import type { LiveBatch, LiveJob, LiveRollout } from './live-batch.ts';
import { workKey } from './work-key.ts';

/**
 * Work of a batch that no live Job carries, in plan order. Rollouts do not wait for an agent that this
 * release does not hold, nor for a model that is not to be had.
 */
export function waitingItems(batch: LiveBatch): readonly WorkItem[] {
  const held = batch.planned.agentChanged !== undefined || batch.modelHold !== undefined;
  const items: WorkItem[] = [];
  const seen = new Set<string>();
  for (const rollout of batch.rollouts) {
    for (const item of wantedItems(rollout)) {
      if (batch.carries(item)) continue;
      if (item.kind === 'rollout' && held) continue;
      if (item.kind === 'gate') {
        const key = workKey(item);
        if (seen.has(key)) continue;
        seen.add(key);
      }
      items.push(item);
    }
  }
  return items;
}

function wantedItems({ next, row }: LiveRollout): readonly WorkItem[] {
  switch (next?.do) {
    case 'attempt':
    // Its pod may be gone without a word: another may carry it once its Job is over.
    case 'wait':
      return [{ kind: 'rollout', position: row.position }];
    case 'verify':
      return [{ kind: 'verification', attempt: next.attempt.id, verification: next.kind }];
    case 'gates':
      return next.gates.map((gate) => ({ kind: 'gate', taskDigest: row.taskDigest, gate }));
    default:
      return [];
  }
}

/** Without the files, whose digests stand in the manifest. */
const exportStates = (note: string): NonNullable<BatchState['exports']> =>
  readExportsNote(note).map(({ files: _files, ...state }) => state);

/** Everything that a RolloutBatch's status shows, from memory alone. */
export function batchState(batch: LiveBatch): BatchState {
  const tally = new Tally();
  for (const rollout of batch.rollouts) tally.add(rollout);
  const { notes, counts, planned, generations } = batch;
  const { results, sourceNow } = notes;
  const allDecided = tally.decided.length === batch.rollouts.length;
  return {
    uid: planned.row.id,
    taskSet: planned.row.taskSet,
    ...modelOf(planned.frozen.spec),
    ...(sourceNow !== undefined &&
      sourceNow !== planned.row.taskSet && { sourceNow: asSha256(sourceNow) }),
    ...(batch.sourceGone !== undefined && { sourceGone: batch.sourceGone }),
    planned: batch.rollouts.length,
    notGradable: tally.outcomes['not_gradable'] ?? 0,
    notGradableReasons: tally.refused,
    pending: tally.pending,
    active: tally.active,
    verifying: tally.verifying,
    decided: tally.decided.length,
    outcomes: tally.outcomes,
    ...missing(tally, batch.rollouts.length),
    decidedIndexes: indexRanges(tally.decided),
    failedIndexes: indexRanges(tally.failed),
    attempts: counts.attempts,
    infraFailures: counts.infraFailures,
    disruptions: counts.disruptions,
    generations: { ...generations },
    jobs: [...batch.jobs].map(liveJobState),
    waiting: waitingShapes(batch),
    ...(planned.agentChanged !== undefined && { agentChanged: planned.agentChanged }),
    ...(batch.modelHold !== undefined && { modelHold: batch.modelHold }),
    ...(results !== undefined && { results: asSha256(results) }),
    ...(notes.exports !== undefined && { exports: exportStates(notes.exports) }),
    startedAt: planned.row.createdAt,
    ...(allDecided && { decidedAt: tally.lastDecided }),
  };
}

function modelOf({ model }: BatchSpec): Pick<BatchState, 'model'> {
  return model?.artifact === undefined ? {} : { model: artifactDigest(model.artifact) };
}

class Tally {
  readonly outcomes: Record<string, number> = {};
  /** Of rollouts that cannot be graded, by reason. */
  readonly refused: Record<string, number> = {};
  readonly decided: number[] = [];
  readonly failed: number[] = [];
  pending = 0;
  active = 0;
  verifying = 0;
  lastDecided = 0;

  add({ row, decided, next }: LiveRollout): void {
    if (decided !== undefined) {
      const { outcome, at, reason } = decided;
      this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
      if (reason !== undefined) this.refused[reason] = (this.refused[reason] ?? 0) + 1;
      this.decided.push(row.position);
      this.lastDecided = Math.max(this.lastDecided, at);
      if (!isAgentResult(outcome) && outcome !== 'not_gradable') this.failed.push(row.position);
    } else if (next?.do === 'attempt') this.pending += 1;
    else if (next?.do === 'wait') this.active += 1;
    else this.verifying += 1;
  }
}

/** Of all planned, gradable rollouts; four digits after the point. */
function missing({ decided, failed, outcomes }: Tally, planned: number): { missingRate?: string } {
  const gradable = planned - (outcomes['not_gradable'] ?? 0);
  if (decided.length === 0 || gradable === 0) return {};
  return { missingRate: fourDigits(failed.length / gradable) };
}

function waitingShapes(batch: LiveBatch): { shape: Shape; count: number }[] {
  const byId = new Map<string, { shape: Shape; count: number }>();
  for (const item of waitingItems(batch)) {
    const shape = batch.shapeOf(item);
    const known = byId.get(shape.id);
    if (known === undefined) byId.set(shape.id, { shape, count: 1 });
    else known.count += 1;
  }
  return [...byId.values()];
}

function liveJobState({ row, items, settled }: LiveJob): JobState {
  return jobState({ ...row, length: items.length, settled: settled.size });
}

export function jobState(row: CountedJobRow): JobState {
  return {
    name: row.name,
    ...(row.uid !== undefined && { uid: row.uid }),
    phase: row.shape.phase,
    generation: row.generation,
    shape: row.shape,
    length: row.length,
    settled: row.settled,
    live: row.live,
  };
}
