import type { Clock } from '../base/clock.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import type { SynthesisRecords } from '../store/synthesis-records.ts';
import { novelty } from './admit.ts';
import { nextCheckpoint, rowOf } from './advance.ts';
import { taskIdOf } from './candidate.ts';
import { failureOf, type OutageOf } from './failures.ts';
import type { NoveltyIndex } from './novelty/novelty-index.ts';
import { readRecord, type SynthesisRecord, zRecordData } from './record.ts';
import { type Sample, zSample } from './sample.ts';
import { isEnd } from './stage-names.ts';
import { draftOf } from './stages/draft-of.ts';
import { RUN_STAGE } from './stages/run-stage.ts';
import type { StageContext, StageResult } from './stages/stage.ts';

/** Conditional writes, so that two processes at one job do no harm. */
export type RunnerStore = Pick<
  SynthesisRecords,
  'listSynthesisRecords' | 'addSynthesisRecord' | 'saveSynthesisRecord'
>;

export interface JobRunnerOptions {
  /** Key of the job in the store. */
  readonly job: string;
  readonly target: number;
  /** Records that may be begun. */
  readonly maxRecords: number;
  readonly maxSimilarity: number;
  /** Records at a time. */
  readonly parallelism: number;
  readonly sample: (number: number) => Sample;
  readonly stages: Omit<StageContext, 'signal'>;
  /** Holds the sets that are compared with; accepted tasks are added. */
  readonly index: NoveltyIndex;
  readonly store: RunnerStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told after each checkpoint. */
  readonly changed: (record: SynthesisRecord) => void;
}

/** Failures of the models, or of the sandboxes, without a success in between: then the job stops. */
const OUTAGE = 5;
/** Such failures after which one record is given up, others faring better. */
const MAX_FAILURES = 3;

/**
 * Takes records through their stages until the target is accepted or a budget is used up. Every stage
 * ends with a checkpoint; whatever process comes next goes on from there. Rejects where host, store or
 * endpoint fail: records that are open stay so.
 */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #records = new Map<number, SynthesisRecord>();
  readonly #failures = new Map<number, number>();
  readonly #outage: Record<OutageOf, number> = { model: 0, sandbox: 0 };
  #failure: { readonly thrown: unknown } | undefined;
  /** All records below have ended. */
  #admitted = 1;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  /** All records in order of number, as they are now. */
  records(): readonly SynthesisRecord[] {
    return [...this.#records.values()].toSorted((a, b) => a.number - b.number);
  }

  async run(signal: AbortSignal): Promise<readonly SynthesisRecord[]> {
    const { store, job, parallelism } = this.#options;
    for (const row of await store.listSynthesisRecords(job)) {
      this.#records.set(row.number, readRecord(row));
    }
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const active = new Map<number, Promise<void>>();
    try {
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure.thrown;
        both.throwIfAborted();
        await this.#admit();
        await this.#begin();
        for (const record of this.#waiting(active)) {
          if (active.size >= parallelism) break;
          active.set(record.number, this.#work(record, both, active));
        }
        if (active.size === 0) return this.records();
        await Promise.race(active.values());
      }
    } finally {
      stop.abort(new ClawError('Cancelled', 'the synthesis stopped'));
      await Promise.all(active.values());
    }
  }

  #waiting(active: ReadonlyMap<number, unknown>): readonly SynthesisRecord[] {
    return this.records().filter(
      ({ number, stage }) => !isEnd(stage) && stage !== 'novelty' && !active.has(number),
    );
  }

  /** As many records as the target still lacks, should all that are open be accepted. */
  async #begin(): Promise<void> {
    const { target, maxRecords, store, job, sample, stages } = this.#options;
    const hopeful = this.records().filter(({ stage }) => stage !== 'rejected').length;
    for (let missing = target - hopeful; missing > 0; missing -= 1) {
      const number = this.#records.size + 1;
      if (number > maxRecords || stages.caller.exhausted) return;
      const data = zRecordData.parse({ sample: zSample.parse(sample(number)) });
      const record: SynthesisRecord = {
        ...{ job, number, revision: 0, stage: 'draft', data, endedAt: undefined },
      };
      await store.addSynthesisRecord(rowOf(record));
      this.#note(record);
    }
  }

  async #admit(): Promise<void> {
    for (;;) {
      const record = this.#records.get(this.#admitted);
      if (record === undefined) return;
      const { index, maxSimilarity, stages } = this.#options;
      let ended = record;
      if (!isEnd(record.stage)) {
        if (record.stage !== 'novelty') return;
        ended = await this.#save(record, novelty(record, index, maxSimilarity));
      }
      if (ended.stage === 'accepted')
        index.add(taskIdOf(stages.job, ended.number), draftOf(ended.data).instruction);
      this.#admitted += 1;
    }
  }

  /** Never rejects: what stops the job is kept for the loop. */
  async #work(
    record: SynthesisRecord,
    signal: AbortSignal,
    active: Map<number, Promise<void>>,
  ): Promise<void> {
    try {
      await this.#advance(record, signal);
    } catch (thrown) {
      this.#failure ??= { thrown };
    } finally {
      active.delete(record.number);
    }
  }

  /** One stage of one record. */
  async #advance(record: SynthesisRecord, signal: AbortSignal): Promise<void> {
    const { stage, number, data } = record;
    if (isEnd(stage) || stage === 'novelty') return;
    const context: StageContext = { ...this.#options.stages, signal };
    try {
      const result = await RUN_STAGE[stage]({ number, data }, context);
      this.#outage[stage === 'trial' || stage === 'gates' ? 'sandbox' : 'model'] = 0;
      await this.#save(record, result);
    } catch (thrown) {
      const failure = failureOf(thrown, signal);
      if (failure.kind === 'job') throw thrown;
      if (failure.kind === 'record') {
        const { reason, message } = failure;
        await this.#save(record, { kind: 'rejected', data, reason, message });
      } else await this.#outageAt(record, failure.of, thrown);
    }
  }

  /** The record is tried again; a failure that only it meets ends it, one that all meet ends the job. */
  async #outageAt(record: SynthesisRecord, of: OutageOf, thrown: unknown): Promise<void> {
    const { number, stage, data } = record;
    this.#outage[of] += 1;
    if (this.#outage[of] >= OUTAGE) throw thrown;
    const failures = (this.#failures.get(number) ?? 0) + 1;
    this.#failures.set(number, failures);
    const said = errorMessage(thrown);
    this.#options.logger.warn({ record: number, stage, failures }, `a ${of} failed: ${said}`);
    if (failures < MAX_FAILURES) return;
    const reason = of === 'model' ? 'ModelFailed' : 'SandboxFailed';
    const message = `${failures} tries failed where other records fared better; the last: ${said}`;
    await this.#save(record, { kind: 'rejected', data, reason, message });
  }

  async #save(record: SynthesisRecord, result: StageResult): Promise<SynthesisRecord> {
    const { store, clock } = this.#options;
    if (isEnd(record.stage))
      throw new ClawError('Internal', `record ${record.number} has ended already`);
    const next = nextCheckpoint(record, record.stage, result, clock.now());
    await store.saveSynthesisRecord(rowOf(next));
    this.#note(next);
    return next;
  }

  #note(record: SynthesisRecord): void {
    this.#records.set(record.number, record);
    this.#options.changed(record);
  }
}
