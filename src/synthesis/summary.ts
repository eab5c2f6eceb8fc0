import { z } from 'zod';
import type { SynthesisCallRow } from '../store/synthesis-records.ts';
import type { SynthesisRecord } from './record.ts';
import { isEnd, type RecordStage, STAGES, type Stage } from './stage-names.ts';

const zCount = z.int().min(0);

/** What a job came to so far; the same names as in the status of a SynthesisJob. */
export const zSynthesisSummary = z.strictObject({
  schema: z.literal('clawgym.synthesis/v1'),
  name: z.string(),
  target: zCount,
  accepted: zCount,
  records: zCount,
  stages: z.array(
    z.strictObject({ stage: z.string(), entered: zCount, passed: zCount, rejected: zCount }),
  ),
  rejections: z.array(z.strictObject({ reason: z.string(), count: zCount })),
  calls: zCount,
  inputTokens: zCount,
  outputTokens: zCount,
  /** `TargetReached`, `RecordsExhausted` or `TokensExhausted`; absent while it runs. */
  ended: z.enum(['TargetReached', 'RecordsExhausted', 'TokensExhausted']).optional(),
  /** Digest of the accepted tasks, where there are any and the job has ended. */
  taskSet: z.string().optional(),
});
export type SynthesisSummary = z.infer<typeof zSynthesisSummary>;

export interface SummaryInput {
  readonly name: string;
  readonly target: number;
  readonly records: readonly SynthesisRecord[];
  readonly calls: readonly SynthesisCallRow[];
  readonly exhausted: boolean;
  readonly taskSet: string | undefined;
}

/** Pure: counts of the rows alone, so that whoever reads them counts the same. */
export function synthesisSummary(input: SummaryInput): SynthesisSummary {
  const { name, target, records, calls, taskSet } = input;
  const accepted = records.filter(({ stage }) => stage === 'accepted').length;
  const open = records.some(({ stage }) => !isEnd(stage));
  const why = input.exhausted ? 'TokensExhausted' : 'RecordsExhausted';
  const ended = accepted >= target ? 'TargetReached' : open ? undefined : why;
  return {
    schema: 'clawgym.synthesis/v1',
    ...{ name, target, accepted, records: records.length },
    stages: stageYields(records.map(lineOf)),
    rejections: rejections(records.map(lineOf)),
    calls: calls.length,
    inputTokens: calls.reduce((sum, call) => sum + call.inputTokens, 0),
    outputTokens: calls.reduce((sum, call) => sum + call.outputTokens, 0),
    ...(ended !== undefined && { ended }),
    ...(taskSet !== undefined && { taskSet }),
  };
}

/** How a record stands, without what it holds. */
export interface RecordLine {
  readonly stage: RecordStage;
  readonly rejection?: { readonly stage: Stage; readonly reason: string } | undefined;
}

const lineOf = ({ stage, data }: SynthesisRecord): RecordLine => ({
  stage,
  rejection: data.rejection,
});

export function stageYields(lines: readonly RecordLine[]): SynthesisSummary['stages'] {
  const reached = lines.map(({ stage, rejection }) => {
    if (stage === 'accepted') return STAGES.length;
    return STAGES.indexOf(stage === 'rejected' ? (rejection?.stage ?? 'draft') : stage);
  });
  return STAGES.map((stage, at) => {
    const rejected = lines.filter(({ rejection }) => rejection?.stage === stage).length;
    const entered = reached.filter((position) => position >= at).length;
    const passed = reached.filter((position) => position > at).length;
    return { stage, entered, passed, rejected };
  });
}

export function rejections(lines: readonly RecordLine[]): SynthesisSummary['rejections'] {
  const counts = new Map<string, number>();
  for (const { rejection } of lines) {
    const reason = rejection?.reason;
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts]
    .map(([reason, count]) => ({ reason, count }))
    .toSorted((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
}
