import type { Sha256 } from '../../src/base/brand.ts';
import type { ReadableArtifacts } from '../../src/cli/run-outputs/union-artifacts.ts';
import { type BatchSource, unionSource } from '../../src/cli/training/union-source.ts';
import type { RecordReader } from '../../src/store/record-reader.ts';
import type { SynthesisReader } from '../../src/store/synthesis-records.ts';

/** Records and artifacts: of a store in a work folder, or of a cluster's server. */
export interface LineageSource {
  readonly records: BatchSource['store'] &
    Pick<RecordReader, 'listBatches'> &
    Pick<SynthesisReader, 'getSynthesisCall'>;
  readonly artifacts: ReadableArtifacts;
}

/** Several sources, asked as one. */
export class LineageStores {
  readonly all: readonly LineageSource[];
  /** Rows and artifacts of all. */
  readonly union: ReturnType<typeof unionSource>;

  constructor(all: readonly LineageSource[]) {
    this.all = all;
    this.union = unionSource(all.map(({ records, artifacts }) => ({ store: records, artifacts })));
  }

  /** The store that has an artifact; undefined where none has. */
  async holding(digest: Sha256): Promise<ReadableArtifacts | undefined> {
    for (const { artifacts } of this.all) {
      if ((await artifacts.size(digest)) !== undefined) return artifacts;
    }
    return undefined;
  }

  async text(digest: Sha256): Promise<string> {
    return new TextDecoder().decode(await this.union.artifacts.read(digest));
  }

  /** Whether a call of a synthesis is recorded, with both bodies. */
  async hasWritten(callId: string): Promise<boolean> {
    for (const { records, artifacts } of this.all) {
      const call = await records.getSynthesisCall(callId);
      if (call === undefined) continue;
      const sizes = [await artifacts.size(call.request), await artifacts.size(call.response)];
      return !sizes.includes(undefined);
    }
    return false;
  }
}
