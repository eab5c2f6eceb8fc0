import type { z } from 'zod';
import { asBatchId, parseJson } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { ClawError } from '../../base/error.ts';
import { InTurn } from '../../base/in-turn.ts';
import {
  type GateRunReport,
  type GatesAnswer,
  type GatesBody,
  zGateReport,
} from '../../protocol/synthesis-api.ts';
import type { GateRound } from '../../protocol/synthesis-server.ts';
import { gateRuns, type RunPlan } from '../../rollouts/gates/gate-runs.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import { gateLines } from '../../store/gate-lines.ts';
import type { RolloutRow } from '../../store/records.ts';
import type { GateEnd, GateKey, GateRoundRow, GateRow } from '../../store/synthesis-runs.ts';
import { type Candidate, candidateOf, taskIdOf } from '../../synthesis/candidate.ts';
import { gateNote } from '../../synthesis/gate-notes.ts';
import { readRecord } from '../../synthesis/record.ts';
import { isEnd } from '../../synthesis/stage-names.ts';
import { taskFacts } from '../../tasks/gate/task-facts.ts';
import { MemoryBlobs } from '../../tasks/memory-blobs.ts';
import type { TaskSetShelf } from '../coordinator/task-set-shelf.ts';

/** Candidates that one RolloutBatch tries. */
const ROUND = 50;
/** What shows nothing of a task: the run is wanted again. */
const UNCARRIED: ReadonlySet<string> = new Set(['infra_error', 'cancelled']);

export interface GateRoundsOptions {
  readonly store: ClusterStore;
  readonly shelf: Pick<TaskSetShelf, 'store'>;
}

/** Which job: its key, and the name that ids of its tasks begin with. */
export interface JobRef {
  readonly job: string;
  readonly name: string;
}

/**
 * Gate runs of candidates as rounds: runs of several records that are wanted together are one task set and
 * one RolloutBatch, which the operator makes. What its rows say of a candidate is kept, so nobody needs
 * the batch after its end.
 */
export class GateRounds {
  readonly #options: GateRoundsOptions;
  readonly #turns = new InTurn();

  constructor(options: GateRoundsOptions) {
    this.#options = options;
  }

  /** What is wanted and what is known of it. Throws `Conflict` where the record is not the one that is meant. */
  async want(ref: JobRef, { number, label, task, runs, again }: GatesBody): Promise<GatesAnswer> {
    const { store } = this.#options;
    const candidate = await this.#candidate(ref, number);
    if (candidate?.entry.digest !== task) {
      throw new ClawError(
        'Conflict',
        `record ${number} makes task ${candidate?.entry.digest ?? '(none)'} here and ${task} in its worker; are server and worker of one version?`,
      );
    }
    const keys = runs.map((run): GateKey => ({ job: ref.job, number, task, label, run }));
    for (const key of keys) await store.synthesisRuns.wantGate(key, again);
    await this.#turns.run(ref.job, () => this.#settle(ref));
    const rows = await store.synthesisRuns.listGates(ref.job, { number, task, label });
    const reports: Record<string, GateRunReport> = {};
    for (const { run, report } of rows) {
      if (report !== undefined) reports[run] = zGateReport.parse(parseJson(report));
    }
    return { open: runs.some((run) => reports[run] === undefined), reports };
  }

  /** Rounds that are not over, with what waits put into new ones. */
  async open(ref: JobRef): Promise<readonly GateRound[]> {
    return await this.#turns.run(ref.job, async () => {
      await this.#settle(ref);
      await this.#begin(ref);
      const rounds = await this.#options.store.synthesisRuns.openGateRounds(ref.job);
      return rounds.map(
        ({ label, batch, ...round }): GateRound => ({
          ...round,
          trial: label === 'trial',
          ...(batch !== undefined && { batch }),
        }),
      );
    });
  }

  async batchCreated({ job }: JobRef, round: number, batch: string): Promise<void> {
    await this.#options.store.synthesisRuns.setGateBatch(job, round, batch);
  }

  async #begin(ref: JobRef): Promise<void> {
    const { synthesisRuns } = this.#options.store;
    const waiting = await synthesisRuns.listGates(ref.job, 'waiting');
    for (const group of groupsOf(waiting)) {
      const blobs = new MemoryBlobs();
      const entries = [];
      const gates: GateRow[] = [];
      let plan: RunPlan | undefined;
      for (const gate of group) {
        const found = await this.#candidate(ref, gate.number, blobs);
        const planned = found?.entry.digest === gate.task ? await planOf(found, gate) : undefined;
        if (found === undefined || planned === undefined) {
          await synthesisRuns.endGate(endOf(gate, { problem: 'its record went on without it' }));
          continue;
        }
        plan ??= planned;
        // The number of samples is part of what a batch is.
        if (planned.samples !== plan.samples) continue;
        entries.push(found.entry);
        gates.push(gate);
      }
      if (plan === undefined) continue;
      const { digest: taskSet } = await this.#options.shelf.store(entries, blobs);
      const { run, agent, samples } = plan;
      const label = gates[0]?.label ?? 'gates';
      const round = { run, label, taskSet, agent: agent.name, samples };
      await synthesisRuns.addGateRound(ref.job, round, gates);
    }
  }

  /** Rounds whose batches have come to their end: what each candidate came to is kept. */
  async #settle({ job, name }: JobRef): Promise<void> {
    const { store } = this.#options;
    for (const round of await store.synthesisRuns.openGateRounds(job)) {
      if (round.batch === undefined) continue;
      const rows = await store.listRollouts(asBatchId(round.batch));
      if (rows.length === 0 || rows.some(({ decision }) => decision === undefined)) continue;
      const gates = await store.synthesisRuns.listGates(job, { round: round.id });
      const reports = [];
      for (const gate of gates) {
        const mine = rows.filter(({ taskId }) => taskId === taskIdOf(name, gate.number));
        reports.push(await this.#report(gate, round, mine));
      }
      await store.synthesisRuns.endGateRound(job, round.id, reports);
    }
  }

  async #report(gate: GateRow, round: GateRoundRow, mine: readonly RolloutRow[]): Promise<GateEnd> {
    const place = round.batch ?? '';
    const failed = mine.find(({ decision }) => UNCARRIED.has(decision?.outcome ?? 'infra_error'));
    if (mine.length === 0 || failed !== undefined) {
      const why = failed?.decision?.reason ?? 'the batch did not plan it';
      return endOf(gate, { place, problem: `it could not be carried out (${why})` });
    }
    const notes: string[] = [];
    for (const row of mine) notes.push(gateNote(round.agent, row, await this.#words(row)));
    return endOf(gate, {
      place,
      notes,
      rows: gateLines(mine).map(({ taskId: _t, native: _n, ...line }) => line),
    });
  }

  /** What a verifier that gave no result said last. */
  async #words({ decision }: RolloutRow): Promise<string> {
    if (decision?.attempt === undefined || decision.checks.length > 0) return '';
    const rows = await this.#options.store.listVerifications(decision.attempt);
    return rows.findLast(({ message }) => message !== '')?.message ?? '';
  }

  /** The task of a record that is at work; undefined where it is none any more. */
  async #candidate(
    { job, name }: JobRef,
    number: number,
    blobs: MemoryBlobs = new MemoryBlobs(),
  ): Promise<Candidate | undefined> {
    const row = await this.#options.store.synthesisRuns.getSynthesisRecord(job, number);
    if (row === undefined) return undefined;
    const { stage, data } = readRecord(row);
    return isEnd(stage) ? undefined : candidateOf(taskIdOf(name, number), data, blobs);
  }
}

/** Runs of one kind, of as many candidates as a round takes; of one record only one at a time. */
function groupsOf(waiting: readonly GateRow[]): readonly (readonly GateRow[])[] {
  const groups = new Map<string, GateRow[][]>();
  for (const gate of waiting) {
    const key = `${gate.label} ${gate.run}`;
    const mine = groups.get(key) ?? [];
    groups.set(key, mine);
    const room = mine.find(
      (group) => group.length < ROUND && group.every(({ number }) => number !== gate.number),
    );
    if (room === undefined) mine.push([gate]);
    else room.push(gate);
  }
  return [...groups.values()].flat();
}

/** The run as a ClawTask's; a trial runs everything once. */
async function planOf(
  { entry, blobs }: Candidate,
  { label, run }: GateRow,
): Promise<RunPlan | undefined> {
  const plan = gateRuns(await taskFacts(entry, blobs)).find((each) => each.run === run);
  return plan !== undefined && label === 'trial' ? { ...plan, samples: 1 } : plan;
}

function endOf(
  { job, number, task, label, run }: GateKey,
  { place = '', rows = [], notes = [], problem }: Partial<z.input<typeof zGateReport>>,
): GateEnd {
  const report = { place, rows, notes, ...(problem !== undefined && { problem }) };
  const failed = problem !== undefined;
  return { job, number, task, label, run, report: canonicalJson(report), failed };
}
