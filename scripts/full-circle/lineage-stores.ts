import type { Sha256 } from '../../src/base/brand.ts';
import type { WorkReader } from '../../src/cli/run-outputs/work-store.ts';
import { unionSource } from '../../src/cli/training/union-source.ts';
import type { ArtifactStore } from '../../src/store/artifacts.ts';

/** The stores of a work folder, asked as one. */
export class LineageStores {
  readonly all: readonly WorkReader[];
  /** Rows and artifacts of all. */
  readonly union: ReturnType<typeof unionSource>;

  constructor(all: readonly WorkReader[]) {
    this.all = all;
    this.union = unionSource(all.map(({ records, artifacts }) => ({ store: records, artifacts })));
  }

  /** The store that has an artifact; undefined where none has. */
  async holding(digest: Sha256): Promise<ArtifactStore | undefined> {
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
