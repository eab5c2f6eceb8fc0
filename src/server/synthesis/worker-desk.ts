import { asSha256, parseJson } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import {
  type AskBody,
  type Asked,
  type GatesAnswer,
  type GatesBody,
  RECORD_PAGE,
  type RecordRow,
  type SynthesisClaim,
  type WorkerFailure,
} from '../../protocol/synthesis-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import type { SynthesisRecordRow } from '../../store/synthesis-records.ts';
import type { SynthesisRunRow } from '../../store/synthesis-runs.ts';
import { acceptedTasks } from '../../synthesis/accepted-tasks.ts';
import { readRecord } from '../../synthesis/record.ts';
import type { TaskSetShelf } from '../coordinator/task-set-shelf.ts';
import { zInputs } from './frozen-job.ts';
import type { LiveJob } from './live-job.ts';
import type { Result, SynthesisDesk } from './synthesis-desk.ts';

export interface WorkerDeskOptions {
  readonly desk: SynthesisDesk;
  readonly store: ClusterStore;
  readonly artifacts: ArtifactStore;
  readonly shelf: Pick<TaskSetShelf, 'get' | 'store'>;
  readonly clock: Clock;
  /** How long a question is held before the worker asks again; default 25 s. */
  readonly holdMs?: number;
  /** Ends calls when the server ends. */
  readonly signal: AbortSignal;
}

const HOLD_MS = 25_000;
/** Records at a time where the spec does not say. */
const PARALLELISM = 8;
/** What is about the server and not about the question passes through as an error of the route. */
const OURS: ReadonlySet<string> = new Set(['StoreUnavailable', 'ClusterUnavailable', 'Cancelled']);

/** What the worker of a job asks of the server; each method is about the job of its pod alone. */
export class WorkerDesk {
  readonly #options: WorkerDeskOptions;
  /** Calls under way by id: a worker that was killed finds its answer there, or in the rows. */
  readonly #asking = new Map<string, Promise<Asked>>();

  constructor(options: WorkerDeskOptions) {
    this.#options = options;
  }

  /** Throws `Fenced` where the job is over. */
  async claim(run: SynthesisRunRow): Promise<SynthesisClaim> {
    refuseOver(run);
    const { artifacts, desk } = this.#options;
    const { frozen, steering, caller } = await desk.live(run.job);
    const { spec, inputs } = frozen;
    const text = Buffer.from(await artifacts.read(inputs)).toString('utf8');
    return {
      ...{ job: run.job, name: frozen.name, target: spec.target },
      maxRecords: steering.records,
      parallelism: steering.parallelism ?? PARALLELISM,
      maxSimilarity: Number(spec.novelty.maxSimilarity),
      lazyCeiling: Number(spec.gates.lazyCeiling),
      rubric: spec.rubric === 'whereNeeded',
      ...zInputs.parse(parseJson(text)),
      against: await this.#against(spec.novelty.against ?? []),
      exhausted: caller.exhausted,
    };
  }

  async records({ job }: SynthesisRunRow, after: number): Promise<readonly RecordRow[]> {
    const { synthesisRuns } = this.#options.store;
    const rows = await synthesisRuns.pageSynthesisRecords(job, after, RECORD_PAGE);
    return rows.map(({ job: _job, endedAt, ...row }) => ({
      ...row,
      ...(endedAt !== undefined && { endedAt }),
    }));
  }

  async begin(run: SynthesisRunRow, row: RecordRow): Promise<void> {
    refuseOver(run);
    const stored = storedRow(run, row);
    await this.#options.store.addSynthesisRecord(stored);
    // Another worker may have begun it, and taken it further.
    const { synthesisRuns } = this.#options.store;
    const now = await synthesisRuns.getSynthesisRecord(run.job, row.number);
    (await this.#options.desk.live(run.job)).tally.saved(now ?? stored);
  }

  /** Throws `Conflict` unless the row follows the stored one, or is it: an answer may have been lost. */
  async save(run: SynthesisRunRow, row: RecordRow): Promise<void> {
    refuseOver(run);
    const { store, desk } = this.#options;
    const next = storedRow(run, row);
    const live = await desk.live(run.job);
    try {
      await store.saveSynthesisRecord(next);
    } catch (thrown) {
      const now = await store.synthesisRuns.getSynthesisRecord(run.job, row.number);
      const same =
        now?.revision === next.revision && now.stage === next.stage && now.data === next.data;
      if (!same) throw thrown;
    }
    live.tally.saved(next);
    await desk.wentOn(run);
  }

  /** Held until the answer is recorded, or for some seconds. */
  async ask(run: SynthesisRunRow, question: AskBody): Promise<Asked> {
    refuseOver(run);
    const { clock, desk, holdMs = HOLD_MS } = this.#options;
    const live = await desk.live(run.job);
    const id = `${run.job}/${question.number}/${question.label}`;
    const asking = this.#asking.get(id) ?? this.#answer(live, question);
    this.#asking.set(id, asking);
    const forget = (): void => void this.#asking.delete(id);
    asking.then(forget, forget);
    const held = new AbortController();
    try {
      const late = clock.sleep(holdMs, held.signal).then((): Asked => ({ kind: 'pending' }));
      late.catch(() => undefined);
      return await Promise.race([asking, late]);
    } finally {
      held.abort();
    }
  }

  async gates(run: SynthesisRunRow, body: GatesBody): Promise<GatesAnswer> {
    refuseOver(run);
    return await this.#options.desk.gates.want({ job: run.job, name: run.name }, body);
  }

  /** Throws `Conflict` while a record has no end. */
  async output(run: SynthesisRunRow): Promise<Result> {
    refuseCancelled(run);
    const { store, desk, shelf, clock } = this.#options;
    const live = await desk.live(run.job);
    const rows = await store.listSynthesisRecords(run.job);
    const open = rows.find(({ endedAt }) => endedAt === undefined);
    if (open !== undefined)
      throw new ClawError('Conflict', `record ${open.number} has not ended (${open.stage})`);
    const { spec, name } = live.frozen;
    const { generator, judge } = spec.models;
    const models = { generator: generator.name, judge: judge.name };
    const records = rows.map(readRecord);
    const { entries, blobs } = acceptedTasks(records, { job: name, seed: spec.seed, models });
    const set = entries.length === 0 ? undefined : await shelf.store(entries, blobs);
    const used = live.caller.exhausted ? 'TokensExhausted' : 'RecordsExhausted';
    return await desk.finish(run.job, {
      ended: entries.length >= spec.target ? 'TargetReached' : used,
      ...(set !== undefined && { taskSet: set.digest }),
      at: clock.now(),
    });
  }

  async failed(run: SynthesisRunRow, failure: WorkerFailure): Promise<void> {
    await this.#options.desk.failed(run.job, failure);
  }

  async #answer({ caller }: LiveJob, question: AskBody): Promise<Asked> {
    try {
      const { callId, text } = await caller.ask(question, this.#options.signal);
      return { kind: 'answer', callId, text, exhausted: caller.exhausted };
    } catch (thrown) {
      if (!(thrown instanceof ClawError) || thrown.retryable || OURS.has(thrown.code)) throw thrown;
      return { kind: 'refused', code: thrown.code, message: thrown.message };
    }
  }

  async #against(sets: readonly { readonly digest?: string | undefined }[]) {
    const known: SynthesisClaim['against'] = [];
    for (const { digest } of sets) {
      if (digest === undefined) continue;
      const { tasks } = await this.#options.shelf.get(asSha256(digest));
      for (const { task } of tasks) {
        const instruction = task.instruction.turns.map(({ text }) => text).join('\n');
        known.push({ id: `${task.id} of ${digest.slice(0, 12)}`, instruction });
      }
    }
    return known;
  }
}

/** The row is read as a record before it is stored: nothing else is ever one. */
function storedRow({ job }: SynthesisRunRow, row: RecordRow): SynthesisRecordRow {
  const stored = { job, ...row, endedAt: row.endedAt };
  try {
    readRecord(stored);
    return stored;
  } catch (cause) {
    throw new ClawError(
      'Conflict',
      `record ${row.number} does not have the form of this server; are server and worker of one version?`,
      { cause },
    );
  }
}

function refuseOver(run: SynthesisRunRow): void {
  refuseCancelled(run);
  if (run.result !== undefined)
    throw new ClawError('Fenced', `synthesis ${run.name} has come to its end`);
}

function refuseCancelled({ cancelled, name }: SynthesisRunRow): void {
  if (cancelled !== undefined)
    throw new ClawError('Fenced', `synthesis ${name} was ended: ${cancelled}`);
}
