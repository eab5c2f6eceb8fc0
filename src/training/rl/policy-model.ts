import { z } from 'zod';
import { zRelativePath } from '../../api/fields.ts';
import { parseJson, type Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { ClawError } from '../../base/error.ts';
import { zSha256 } from '../../protocol/fields.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { READY_FILE, type StoredModel, TEMPLATE_FILE, TOKENIZER_FILE } from '../model-artifact.ts';
import { MODEL_FORMAT, type ModelManifest } from '../model-manifest.ts';

const MAX_READY_BYTES = 4 * 1024 ** 2;
const zReady = z.object({
  files: z
    .array(z.object({ path: zRelativePath, size: z.int().min(0), sha256: zSha256 }))
    .min(1)
    .max(1000),
});
export type PolicyFile = z.infer<typeof zReady>['files'][number];

/** What a READY names. Throws `InvalidInput`. */
export function readReady(bytes: Uint8Array, place: string): readonly PolicyFile[] {
  let value: unknown;
  try {
    value = parseJson(new TextDecoder().decode(bytes));
  } catch {
    value = undefined;
  }
  const parsed = zReady.safeParse(value);
  if (parsed.success) return parsed.data.files;
  const why = z.prettifyError(parsed.error);
  throw new ClawError('InvalidInput', `${place}: not the digests of a model folder: ${why}`);
}

export interface PolicyModelOptions {
  /** Name of the run. */
  readonly run: string;
  readonly version: number;
  /** SHA-256 of the version's READY. */
  readonly ready: Sha256;
  readonly base: { readonly digest: Sha256; readonly manifest: ModelManifest };
  /** Artifacts that the run may name: what its own pods put. Those of its base always. */
  readonly isOwn: (digest: Sha256) => Promise<boolean>;
}

/** A policy version in the artifact store, and the artifacts that it needs. */
export interface PolicyModel extends StoredModel {
  readonly files: readonly Sha256[];
}

/**
 * Makes a model artifact of a policy version whose files are in the store: one that a policy server is
 * given by digest like any other. The same version always gives the same digest. Throws `Conflict` where
 * something of it was never put, and `InvalidInput` where it is no model of the base's tokenizer and
 * template: batches of it would be of another language than the trainer's.
 */
export async function policyModel(
  { run, version, ready, base, isOwn }: PolicyModelOptions,
  artifacts: Pick<ArtifactStore, 'size' | 'read' | 'put'>,
): Promise<PolicyModel> {
  const place = `policy version ${version}`;
  const own = new Set(base.manifest.files.map(({ digest }) => digest));
  const bytes = await putBytes(ready, `${place}: ${READY_FILE}`, isOwn, artifacts);
  const files: ModelManifest['files'][number][] = [];
  for (const { path, size, sha256: digest } of readReady(bytes, `${place}: ${READY_FILE}`)) {
    const found = await artifacts.size(digest);
    const may = own.has(digest) || (await isOwn(digest));
    if (found !== size || !may) throw notPut(`${place}: ${path}`, digest);
    files.push({ path, digest, bytes: size });
  }
  const digestOf = (name: string) => files.find(({ path }) => path === name)?.digest;
  const { template, tokenizer, kind } = base.manifest;
  refuseOther(place, TEMPLATE_FILE, digestOf(TEMPLATE_FILE), template.sha256);
  refuseOther(place, TOKENIZER_FILE, digestOf(TOKENIZER_FILE), tokenizer.sha256);
  const manifest: ModelManifest = {
    ...{ format: MODEL_FORMAT, kind: 'full', template, tokenizer },
    files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    record: {
      ...{ run, contract: 'rl-tokens/v1', versions: {}, steps: version },
      parents: [base.digest],
    },
  };
  if (kind !== 'full') throw new ClawError('InvalidInput', `${place}: its base is an adapter`);
  const { digest } = await artifacts.put(Buffer.from(canonicalJson(manifest)));
  return { digest, manifest, files: [ready, ...files.map((file) => file.digest)] };
}

async function putBytes(
  digest: Sha256,
  place: string,
  isOwn: PolicyModelOptions['isOwn'],
  artifacts: Pick<ArtifactStore, 'size' | 'read'>,
): Promise<Uint8Array> {
  const size = await artifacts.size(digest);
  if (size === undefined || !(await isOwn(digest))) throw notPut(place, digest);
  if (size <= MAX_READY_BYTES) return await artifacts.read(digest);
  throw new ClawError('InvalidInput', `${place}: has ${size} bytes, at most ${MAX_READY_BYTES}`);
}

const notPut = (place: string, digest: Sha256): ClawError =>
  new ClawError('Conflict', `${place}: the pod of the run never put artifact ${digest}`, {
    details: { reason: 'NotPut' },
  });

function refuseOther(place: string, name: string, found: Sha256 | undefined, wanted: Sha256): void {
  if (found === wanted) return;
  throw new ClawError(
    'InvalidInput',
    `${place}: ${name} has SHA-256 ${found ?? 'none'}, and the base has ${wanted}: a policy keeps the tokenizer and the template of its base`,
  );
}
