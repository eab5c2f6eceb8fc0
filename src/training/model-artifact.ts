import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Sha256 } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { ClawError } from '../base/error.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import { modelFiles } from './model-files.ts';
import { MODEL_FORMAT, type ModelManifest, type ModelRecord, readModel } from './model-manifest.ts';

export const TEMPLATE_FILE = 'chat_template.jinja';
export const TOKENIZER_FILE = 'tokenizer.json';
/** The trainer's own mark of a whole folder; the manifest says the same. */
export const READY_FILE = 'READY';
const ADAPTER_FILE = 'adapter_config.json';
const MAX_FILE_BYTES = 64 * 1024 ** 3;

/** A model in the artifact store. */
export interface StoredModel {
  /** SHA-256 of the manifest: the name of the model. */
  readonly digest: Sha256;
  readonly manifest: ModelManifest;
}

type ModelFile = ModelManifest['files'][number];

export interface ImportModelOptions {
  /** The chat template's text, instead of the folder's own. */
  readonly template?: string | undefined;
}

/**
 * Keeps a folder in the layout of Hugging Face as a model artifact: every file, then the manifest that
 * names them; killed on the way, nothing names what is there. The same folder and record always give the
 * same digest. Throws `InvalidInput` where the folder is no model.
 */
export async function importModel(
  dir: string,
  record: ModelRecord,
  artifacts: Pick<ArtifactStore, 'put' | 'putStream'>,
  options: ImportModelOptions = {},
): Promise<StoredModel> {
  const names = (await modelFiles(dir)).filter(
    (path) => path !== READY_FILE && (options.template === undefined || path !== TEMPLATE_FILE),
  );
  kindOf(dir, names, record);
  const template = options.template ?? (await templateOf(dir, names));
  const files: ModelFile[] = [];
  for (const path of names) {
    const source = createReadStream(join(dir, path));
    const stored = await artifacts.putStream(source, { maxBytes: MAX_FILE_BYTES });
    files.push({ path, digest: stored.digest, bytes: stored.size });
  }
  if (options.template !== undefined) {
    const stored = await artifacts.put(Buffer.from(template));
    files.push({ path: TEMPLATE_FILE, digest: stored.digest, bytes: stored.size });
  }
  return await publishModel(dir, files, record, artifacts);
}

/**
 * Keeps the manifest of a model whose files are artifacts already. Throws `InvalidInput` where they are
 * no model.
 *
 * @param place for messages: the folder that they come from
 */
export async function publishModel(
  place: string,
  given: readonly ModelFile[],
  record: ModelRecord,
  artifacts: Pick<ArtifactStore, 'put'>,
): Promise<StoredModel> {
  const files = given.filter(({ path }) => path !== READY_FILE);
  const names = files.map(({ path }) => path);
  const kind = kindOf(place, names, record);
  const digestOf = (name: string): Sha256 => {
    const found = files.find(({ path }) => path === name);
    if (found === undefined) throw incomplete(place, `no ${name}`);
    return found.digest;
  };
  const manifest: ModelManifest = {
    format: MODEL_FORMAT,
    kind,
    ...(kind === 'adapter' && { base: baseOf(place, record) }),
    files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    template: { path: TEMPLATE_FILE, sha256: digestOf(TEMPLATE_FILE) },
    tokenizer: { sha256: digestOf(TOKENIZER_FILE) },
    record,
  };
  const { digest } = await artifacts.put(Buffer.from(canonicalJson(manifest)));
  return { digest, manifest };
}

function kindOf(dir: string, names: readonly string[], record: ModelRecord): ModelManifest['kind'] {
  const weights = names.filter((path) => path.endsWith('.safetensors'));
  if (weights.length === 0) throw incomplete(dir, 'no *.safetensors');
  if (!names.includes(ADAPTER_FILE)) {
    if (!names.includes('config.json')) throw incomplete(dir, 'no config.json');
    return 'full';
  }
  const full = weights.filter((path) => !path.startsWith('adapter_'));
  if (full.length > 0) {
    throw new ClawError(
      'InvalidInput',
      `model folder ${dir}: holds ${ADAPTER_FILE} and full weights (${full[0]}); whatever loads it would apply the adapter in silence. Keep them in two folders`,
    );
  }
  baseOf(dir, record);
  return 'adapter';
}

function baseOf(dir: string, { parents }: ModelRecord): Sha256 {
  const [base] = parents;
  if (base !== undefined) return base;
  throw new ClawError(
    'InvalidInput',
    `model folder ${dir}: is an adapter; say which model it belongs to with --base`,
  );
}

async function templateOf(dir: string, names: readonly string[]): Promise<Uint8Array> {
  if (!names.includes(TEMPLATE_FILE)) {
    throw incomplete(dir, `no ${TEMPLATE_FILE}; name the file that is pinned with --template`);
  }
  return await readFile(join(dir, TEMPLATE_FILE));
}

const incomplete = (dir: string, what: string): ClawError =>
  new ClawError('InvalidInput', `model folder ${dir}: ${what}`);

/**
 * Writes a model into an empty or new folder, every file checked against its digest. Throws `NotFound`
 * or `CorruptArtifact`; a folder that is left then must not be used.
 */
export async function materializeModel(
  digest: Sha256,
  dir: string,
  artifacts: Pick<ArtifactStore, 'read' | 'size' | 'stream'>,
): Promise<ModelManifest> {
  const manifest = await readModel(digest, artifacts);
  await mkdir(dir, { recursive: true });
  for (const file of manifest.files) {
    const path = join(dir, file.path);
    await mkdir(dirname(path), { recursive: true });
    await pipeline(await artifacts.stream(file.digest), createWriteStream(path, { flags: 'wx' }));
  }
  return manifest;
}
