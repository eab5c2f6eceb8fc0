import type { Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';

/** What can be read of artifacts. */
export type ReadableArtifacts = Pick<ArtifactStore, 'size' | 'read' | 'stream'>;

/** Several stores as one: an artifact is read where it is. Throws `NotFound` where none has it. */
export function unionArtifacts(stores: readonly ReadableArtifacts[]): ReadableArtifacts {
  const sizes = async (digest: Sha256) => {
    for (const store of stores) {
      const size = await store.size(digest);
      if (size !== undefined) return { store, size };
    }
    return undefined;
  };
  const holder = async (digest: Sha256): Promise<ReadableArtifacts> => {
    const found = await sizes(digest);
    if (found !== undefined) return found.store;
    throw new ClawError('NotFound', `artifact ${digest} is in no store of the work folder`);
  };
  return {
    size: async (digest) => (await sizes(digest))?.size,
    read: async (digest) => (await holder(digest)).read(digest),
    stream: async (digest) => (await holder(digest)).stream(digest),
  };
}
