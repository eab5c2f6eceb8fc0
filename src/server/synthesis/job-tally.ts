import type { ClusterStore } from '../../store/cluster-records.ts';
import type { SynthesisCallRow, SynthesisRecordRow } from '../../store/synthesis-records.ts';
import type { SynthesisLine, SynthesisUsage } from '../../store/synthesis-runs.ts';
import { readRecord } from '../../synthesis/record.ts';
import { zStage } from '../../synthesis/stage-names.ts';
import { type RecordLine, rejections, stageYields } from '../../synthesis/summary.ts';

/**
 * What the records and calls of one job add up to: read once from the rows and then kept up with each
 * write, since every look of the operator asks for it and rows hold whole tasks.
 */
export class JobTally {
  readonly #lines: Map<number, SynthesisLine>;
  #usage: SynthesisUsage;

  private constructor(lines: readonly SynthesisLine[], usage: SynthesisUsage) {
    this.#lines = new Map(lines.map((line) => [line.number, line]));
    this.#usage = usage;
  }

  static async open(store: ClusterStore, job: string): Promise<JobTally> {
    const [lines, usage] = await Promise.all([
      store.synthesisRuns.synthesisLines(job),
      store.synthesisRuns.synthesisUsage(job),
    ]);
    return new JobTally(lines, usage);
  }

  get usage(): SynthesisUsage {
    return this.#usage;
  }

  get open(): number {
    return this.#count((stage) => stage !== 'accepted' && stage !== 'rejected');
  }

  /** A row was stored. */
  saved(row: SynthesisRecordRow): void {
    const { number, stage, data } = readRecord(row);
    const { stage: rejectedBy, reason } = data.rejection ?? {};
    this.#lines.set(number, { number, stage, rejectedBy, reason });
  }

  /** A call was stored that was not known before. */
  called({ inputTokens, outputTokens, startedAt }: SynthesisCallRow): void {
    const before = this.#usage;
    this.#usage = {
      calls: before.calls + 1,
      inputTokens: before.inputTokens + inputTokens,
      outputTokens: before.outputTokens + outputTokens,
      startedAt: before.startedAt ?? startedAt,
    };
  }

  /** As in the status of a SynthesisJob. */
  counts() {
    const lines = [...this.#lines.values()].map(lineOf);
    return {
      accepted: this.#count((stage) => stage === 'accepted'),
      records: this.#lines.size,
      open: this.open,
      stages: stageYields(lines),
      rejections: rejections(lines),
    };
  }

  #count(matches: (stage: string) => boolean): number {
    return [...this.#lines.values()].filter(({ stage }) => matches(stage)).length;
  }
}

function lineOf({ stage, rejectedBy, reason }: SynthesisLine): RecordLine {
  if (stage === 'accepted') return { stage };
  if (stage !== 'rejected') return { stage: zStage.parse(stage) };
  const rejection = { stage: zStage.parse(rejectedBy ?? 'draft'), reason: reason ?? 'Internal' };
  return { stage: 'rejected', rejection };
}
