import type { Sha256 } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import { InTurn } from '../../base/in-turn.ts';
import {
  type CancelTrainingBody,
  type OpenTraining,
  type PlanTrainingBody,
  TRAINING_DELETED,
  type TrainerEndedBody,
  type TrainingState,
} from '../../protocol/training-api.ts';
import type { TrainingRecords } from '../../store/training-records.ts';
import { trainingDigest } from '../../training/frozen-training.ts';
import { afterTrainer } from './after-trainer.ts';
import { type FreezeDeps, freezeTraining, parseTrainingSpec } from './freeze-training.ts';
import {
  dataText,
  frozenText,
  NEW_RUN,
  type RunData,
  readTraining,
  type StoredTraining,
} from './training-row.ts';
import { trainingState } from './training-state.ts';

export interface TrainingDeskDeps extends FreezeDeps {
  readonly records: TrainingRecords;
  readonly clock: Clock;
}

/**
 * Runs of trainers as rows (design: lifecycle.md 2): what they were frozen to, how far they are, what
 * follows each end of a trainer. One change of a run after the other.
 */
export class TrainingDesk {
  readonly #deps: TrainingDeskDeps;
  readonly #turns = new InTurn();

  constructor(deps: TrainingDeskDeps) {
    this.#deps = deps;
  }

  async plan(uid: string, body: PlanTrainingBody): Promise<TrainingState> {
    const { records, clock } = this.#deps;
    return await this.#turns.run(uid, async () => {
      const { namespace, name } = body;
      const spec = parseTrainingSpec(name, body.spec);
      const known = await records.getTraining(uid);
      const stored = known && readTraining(known);
      const inputs = stored?.inputs ?? (await freezeTraining(body, spec, this.#deps));
      const row = await records.planTraining({
        ...{ uid, namespace, name, specDigest: trainingDigest(spec) },
        spec: frozenText(spec, inputs),
        data: dataText(NEW_RUN),
        createdAt: clock.now(),
      });
      return trainingState(readTraining(row));
    });
  }

  async state(uid: string): Promise<TrainingState> {
    return trainingState(await this.get(uid));
  }

  async open(): Promise<readonly OpenTraining[]> {
    const rows = await this.#deps.records.listTrainings();
    return rows.flatMap((row) => {
      const { uid, namespace, name } = row;
      return readTraining(row).data.end === undefined ? [{ uid, namespace, name }] : [];
    });
  }

  async job(uid: string, attempt: number, jobUid: string): Promise<TrainingState> {
    const startedAt = this.#deps.clock.now();
    return await this.change(uid, ({ data }) =>
      data.attempt === attempt ? { ...data, jobUid, startedAt: data.startedAt ?? startedAt } : data,
    );
  }

  async ended(uid: string, body: TrainerEndedBody): Promise<TrainingState> {
    const now = this.#deps.clock.now();
    return await this.change(uid, ({ data, spec }) => {
      const { failures, disruptionLimit: disruptions } = spec.retries;
      return afterTrainer(data, body, { failures, disruptions }, now);
    });
  }

  /** A run that has ended stays as it is; of one whose object is gone, what it put is let go. */
  async cancel(uid: string, { reason, message }: CancelTrainingBody): Promise<TrainingState> {
    const endedAt = this.#deps.clock.now();
    const state = await this.change(uid, ({ data }) => {
      if (data.end !== undefined) return data;
      const { jobUid: _no, ...kept } = data;
      return { ...kept, end: { state: 'failed', reason, message }, endedAt };
    });
    if (reason === TRAINING_DELETED) await this.letGo(uid);
    return state;
  }

  async get(uid: string): Promise<StoredTraining> {
    const row = await this.#deps.records.getTraining(uid);
    if (row !== undefined) return readTraining(row);
    throw new ClawError('NotFound', `no TrainingRun ${uid} is planned in this store`);
  }

  /** Replaces what changes of a run; `next` may give back the same. */
  async change(
    uid: string,
    next: (stored: StoredTraining) => RunData | Promise<RunData>,
  ): Promise<TrainingState> {
    return await this.#turns.run(uid, async () => {
      const stored = await this.get(uid);
      const changed = await next(stored);
      if (changed === stored.data) return trainingState(stored);
      const data = changed.end === undefined ? changed : withoutCheckpoint(changed);
      await this.#deps.records.saveTraining(uid, dataText(data));
      if (data.end !== undefined && stored.data.end === undefined) await this.letGo(uid);
      return trainingState({ ...stored, data });
    });
  }

  /** What pods of the run put, and nothing of it names any more, may be swept. */
  async letGo(uid: string): Promise<void> {
    const { records } = this.#deps;
    const { data } = await this.get(uid);
    const named: readonly Sha256[] = [
      ...(data.end === undefined ? (data.checkpoint?.files ?? []).map((file) => file.sha256) : []),
      ...(data.modelFiles ?? []),
    ];
    const kept = new Set(named);
    const all = await records.trainingUploads(uid);
    await records.forgetTrainingUploads(
      uid,
      [...all].filter((digest) => !kept.has(digest)),
    );
  }
}

/** A run that is over goes on from nothing: the files of its checkpoint need not stay as long as its row. */
function withoutCheckpoint({ checkpoint, ...data }: RunData): RunData {
  return { ...data, ...(checkpoint && { checkpoint: { step: checkpoint.step, files: [] } }) };
}
