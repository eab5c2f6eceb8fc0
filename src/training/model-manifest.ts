import { z } from 'zod';
import { zEvaluationResult } from '../api/evaluation-result.ts';
import { zRelativePath } from '../api/fields.ts';
import { CONTRACTS } from '../api/training-runtime.ts';
import { parseJson, type Sha256 } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import { zSha256 } from '../protocol/fields.ts';
import type { ArtifactStore } from '../store/artifacts.ts';

export const MODEL_FORMAT = 'model/v1';

/** Where a model comes from: enough to make it again. An imported one has only what is known. */
export const zModelRecord = z.strictObject({
  /** Name of the TrainingRun; absent: imported. */
  run: z.string().optional(),
  contract: z.enum(CONTRACTS).optional(),
  /** Manifest of the export that was trained on. */
  data: zSha256.optional(),
  taskSet: zSha256.optional(),
  /** Those of its tasks that were trained on; absent: all. */
  tasks: z.array(zSha256).optional(),
  image: z.string().optional(),
  /** Of the libraries. */
  versions: z.record(z.string(), z.string()),
  /** The RUN_SPEC without names and addresses. */
  hyper: z.json().optional(),
  seed: z.int().optional(),
  steps: z.int().optional(),
  tokens: z.int().optional(),
  /** What the run's own evaluations found, the newest one last; absent: it made none. */
  evaluations: z.array(zEvaluationResult.strict()).optional(),
  /** Models that it was made from. */
  parents: z.array(zSha256),
  canary: z.strictObject({ prompt: z.string(), ids: z.array(z.int()) }).optional(),
});
export type ModelRecord = z.infer<typeof zModelRecord>;

/** The manifest of a model artifact (docs/reference/sft.md). Its SHA-256 names the model. */
export const zModelManifest = z.strictObject({
  format: z.literal(MODEL_FORMAT),
  kind: z.enum(['full', 'adapter']),
  /** The model that an adapter belongs to. */
  base: zSha256.optional(),
  files: z
    .array(z.strictObject({ path: zRelativePath, digest: zSha256, bytes: z.int().min(0) }))
    .min(1),
  template: z.strictObject({ path: zRelativePath, sha256: zSha256 }),
  tokenizer: z.strictObject({ sha256: zSha256 }),
  record: zModelRecord,
});
export type ModelManifest = z.infer<typeof zModelManifest>;

export const MAX_MANIFEST_BYTES = 16 * 1024 ** 2;

/** Who asked for a model, for the message that it is not there. */
export interface ModelNamed {
  /** Object and field that hold the digest. */
  readonly by: string;
  /** The store, as the end of "is not in ...". */
  readonly store: string;
  /** Flags of `clawgym models import` that bring a model into that store. */
  readonly flags: string;
}

/** A field of an object in the cluster: models come to the server through its namespace. */
export const namedInCluster = (by: string, namespace: string): ModelNamed => ({
  ...{ by, store: 'the store of the server', flags: `--namespace ${namespace}` },
});

/** A field of a local run beside others in the folder `work`. */
export const namedLocally = (by: string, work: string): ModelNamed => ({
  ...{ by, store: `any store of ${work}`, flags: `--out ${work}` },
});

/**
 * Reads a model's manifest. Throws `NotFound` where it is missing or something else; `named` tells a person
 * which field led there and how to bring the model.
 */
export async function readModel(
  digest: Sha256,
  artifacts: Pick<ArtifactStore, 'read' | 'size'>,
  named?: ModelNamed,
): Promise<ModelManifest> {
  const size = await artifacts.size(digest);
  if (size === undefined) {
    throw new ClawError('NotFound', modelMissing(digest, named));
  }
  const parsed = size > MAX_MANIFEST_BYTES ? undefined : parse(await artifacts.read(digest));
  if (parsed?.success === true) return parsed.data;
  const why = parsed === undefined ? `it has ${size} bytes` : z.prettifyError(parsed.error);
  throw new ClawError('NotFound', `sha256:${digest} is no model/v1 manifest: ${why}`);
}

/** That a model is not there, and what to do. */
export function modelMissing(digest: Sha256, named?: ModelNamed): string {
  const by = named === undefined ? '' : `${named.by}: `;
  const flags = named === undefined ? '' : ` ${named.flags}`;
  return `${by}model sha256:${digest} is not in ${named?.store ?? 'this store'}; import it with: clawgym models import DIR${flags}, and name the digest that it prints`;
}

function parse(bytes: Uint8Array): z.ZodSafeParseResult<ModelManifest> {
  let value: unknown;
  try {
    value = parseJson(new TextDecoder().decode(bytes));
  } catch {
    value = undefined;
  }
  return zModelManifest.safeParse(value);
}
