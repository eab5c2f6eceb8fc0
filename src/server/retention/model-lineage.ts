import { z } from 'zod';
import { parseJson, type Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import { zSha256 } from '../../protocol/fields.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { MAX_MANIFEST_BYTES, MODEL_FORMAT } from '../../training/model-manifest.ts';
import { MESSAGES_TOOLS } from '../../trajectories/export-messages.ts';

/** What an artifact names that stays as long as it does. */
interface Named {
  readonly artifacts: readonly Sha256[];
  /** Those of them that may name others. */
  readonly manifests: readonly Sha256[];
}

const NOTHING: Named = { artifacts: [], manifests: [] };

/** Looser than what reads them to use them: what another version wrote is kept too. */
const zModel = z.object({
  format: z.literal(MODEL_FORMAT),
  base: zSha256.optional(),
  files: z.array(z.object({ digest: zSha256 })),
  template: z.object({ sha256: zSha256 }),
  record: z.object({
    data: zSha256.optional(),
    taskSet: zSha256.optional(),
    parents: z.array(zSha256).default([]),
  }),
});
const zExport = z.object({
  format: z.literal(MESSAGES_TOOLS),
  files: z.record(z.string(), z.object({ sha256: zSha256 })),
});
const zManifest = z.discriminatedUnion('format', [zModel, zExport]);

/**
 * What models are made of and come from: files, template, the export and the tasks that they were trained on,
 * and the models before them with the same. Rows and objects name a model by one digest.
 */
export class ModelLineage {
  readonly #artifacts: Pick<ArtifactStore, 'read' | 'size'>;
  /** Of the last time; artifacts never change. */
  #known: ReadonlyMap<Sha256, Named> = new Map();

  constructor(artifacts: Pick<ArtifactStore, 'read' | 'size'>) {
    this.#artifacts = artifacts;
  }

  /**
   * Everything that stays for those of the artifacts that are models or exports, these included. What is
   * not in the store, or is something else, names nothing.
   */
  async of(artifacts: Iterable<Sha256>, signal: AbortSignal): Promise<ReadonlySet<Sha256>> {
    const seen = new Set<Sha256>();
    const known = new Map<Sha256, Named>();
    const all = new Set<Sha256>();
    const open = [...artifacts];
    for (let digest = open.pop(); digest !== undefined; digest = open.pop()) {
      signal.throwIfAborted();
      if (seen.has(digest)) continue;
      seen.add(digest);
      const named = this.#known.get(digest) ?? (await this.#read(digest));
      // What is not there may come.
      if (named === undefined) continue;
      known.set(digest, named);
      if (named.artifacts.length > 0) all.add(digest);
      for (const each of named.artifacts) all.add(each);
      open.push(...named.manifests);
    }
    this.#known = known;
    return all;
  }

  /** Undefined where there is nothing that can be read. */
  async #read(digest: Sha256): Promise<Named | undefined> {
    const size = await this.#artifacts.size(digest);
    if (size === undefined) return undefined;
    if (size > MAX_MANIFEST_BYTES) return NOTHING;
    try {
      return namedBy(await this.#artifacts.read(digest));
    } catch (thrown) {
      if (thrown instanceof ClawError && UNREADABLE.has(thrown.code)) return undefined;
      throw thrown;
    }
  }
}

const UNREADABLE: ReadonlySet<string> = new Set(['NotFound', 'CorruptArtifact']);

function namedBy(bytes: Uint8Array): Named {
  const parsed = zManifest.safeParse(json(bytes));
  if (!parsed.success) return NOTHING;
  if (parsed.data.format === MESSAGES_TOOLS) {
    const files = Object.values(parsed.data.files);
    return { artifacts: files.map(({ sha256 }) => sha256), manifests: [] };
  }
  const { base, files, template, record } = parsed.data;
  const before = [base, record.data, ...record.parents].filter((digest) => digest !== undefined);
  const tasks = record.taskSet === undefined ? [] : [record.taskSet];
  const own = files.map(({ digest }) => digest);
  return { artifacts: [...own, template.sha256, ...tasks, ...before], manifests: before };
}

function json(bytes: Uint8Array): unknown {
  // Task sets and weights are no JSON: their first byte says so.
  if (bytes[0] !== 0x7b) return undefined;
  try {
    return parseJson(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
