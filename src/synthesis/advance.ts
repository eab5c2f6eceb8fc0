import { canonicalJson } from '../base/canonical-json.ts';
import type { SynthesisRecordRow } from '../store/synthesis-records.ts';
import type { RecordData, SynthesisRecord } from './record.ts';
import { isEnd, type RecordStage, type Stage, stageAfter } from './stage-names.ts';
import type { StageResult } from './stages/stage.ts';

/** Pure: the checkpoint that follows a stage. */
export function nextCheckpoint(
  record: SynthesisRecord,
  stage: Stage,
  result: StageResult,
  now: number,
): SynthesisRecord {
  const to = (next: RecordStage, data: RecordData): SynthesisRecord => ({
    ...record,
    revision: record.revision + 1,
    stage: next,
    data,
    endedAt: isEnd(next) ? now : undefined,
  });
  switch (result.kind) {
    case 'passed':
      return to(stageAfter(stage), { ...result.data, malformed: [] });
    case 'again':
      return to(stage, result.data);
    case 'rejected': {
      const { reason, message, data } = result;
      return to('rejected', { ...data, rejection: { stage, reason, message } });
    }
  }
}

export function rowOf({ data, ...record }: SynthesisRecord): SynthesisRecordRow {
  return { ...record, data: canonicalJson(data) };
}
