import type { ArtifactStore } from '../store/artifacts.ts';
import type { RecordReader } from '../store/record-reader.ts';
import type { RolloutRow } from '../store/records.ts';
import type { OutputFormat } from './output-format.ts';

export interface ReadOptions {
  readonly out: string;
  readonly attempt?: number | undefined;
  readonly output?: OutputFormat | undefined;
  readonly stderr?: boolean | undefined;
  readonly to?: string | undefined;
}

/** What the reading commands work on: an output folder's stores and one rollout of it. */
export interface ReadContext {
  readonly store: RecordReader;
  readonly artifacts: ArtifactStore;
  readonly rollout: RolloutRow;
  readonly options: ReadOptions;
}
