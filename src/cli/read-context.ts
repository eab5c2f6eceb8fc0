import type { ArtifactStore } from '../store/artifacts.ts';
import type { RecordReader } from '../store/record-reader.ts';
import type { RolloutRow } from '../store/records.ts';
import type { OutputFormat } from './output-format.ts';
import type { SourceFlags } from './record-source.ts';

export interface ReadOptions extends SourceFlags {
  readonly attempt?: number | undefined;
  readonly output?: OutputFormat | undefined;
  readonly stderr?: boolean | undefined;
  readonly to?: string | undefined;
}

/** What the reading commands work on: the stores of a run and one rollout of it. */
export interface ReadContext {
  readonly store: RecordReader;
  readonly artifacts: Pick<ArtifactStore, 'read' | 'stream'>;
  readonly rollout: RolloutRow;
  /** The rollout's id with the batch as people know it. */
  readonly name: string;
  readonly options: ReadOptions;
}
