import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Sha256 } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import { readExport } from './export-manifest.ts';
import { materializeModel, TEMPLATE_FILE } from './model-artifact.ts';

/** What a run was frozen to: digests in the artifact store. */
export interface FrozenInputs {
  readonly base: Sha256;
  /** Manifest of the export; absent for reinforcement. */
  readonly data: Sha256 | undefined;
}

interface InputFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: Sha256;
}

type Artifacts = Pick<ArtifactStore, 'read' | 'size' | 'stream'>;

/**
 * Makes the folder that RUN_IN names (docs/reference/sft.md): `model/`, `template/` and, with data,
 * `data/`, each with its manifest.json. It appears whole or not at all; one that is there is kept.
 */
export async function materializeInputs(
  dir: string,
  { base, data }: FrozenInputs,
  artifacts: { readonly base: Artifacts; readonly data: Artifacts },
): Promise<void> {
  if (await isThere(join(dir, 'template', 'manifest.json'))) return;
  const aside = `${dir}.partial`;
  await rm(aside, { recursive: true, force: true });
  await rm(dir, { recursive: true, force: true });
  await mkdir(aside, { recursive: true });
  const { files, template } = await materializeModel(base, join(aside, 'model'), artifacts.base);
  await writeManifest(
    join(aside, 'model'),
    files.map(({ path, digest, bytes }) => ({ path, size: bytes, sha256: digest })),
  );
  await writeTemplate(
    join(aside, 'template'),
    join(aside, 'model', template.path),
    template.sha256,
  );
  if (data !== undefined) await writeData(join(aside, 'data'), data, artifacts.data);
  await rename(aside, dir);
}

async function isThere(path: string): Promise<boolean> {
  return await readFile(path).then(
    () => true,
    () => false,
  );
}

async function writeTemplate(dir: string, source: string, sha256: Sha256): Promise<void> {
  await mkdir(dir);
  const text = await readFile(source);
  await writeFile(join(dir, TEMPLATE_FILE), text);
  await writeManifest(dir, [{ path: TEMPLATE_FILE, size: text.length, sha256 }]);
}

async function writeData(dir: string, digest: Sha256, artifacts: Artifacts): Promise<void> {
  await mkdir(dir);
  const { bytes, files } = await readExport(digest, artifacts);
  await writeFile(join(dir, 'export.json'), bytes);
  const listed: InputFile[] = [{ path: 'export.json', size: bytes.length, sha256: digest }];
  for (const [path, file] of Object.entries(files)) {
    await pipeline(
      await artifacts.stream(file.sha256),
      createWriteStream(join(dir, path), { flags: 'wx' }),
    );
    listed.push({ path, size: file.bytes, sha256: file.sha256 });
  }
  await writeManifest(dir, listed);
}

async function writeManifest(dir: string, files: readonly InputFile[]): Promise<void> {
  await writeFile(join(dir, 'manifest.json'), `${canonicalJson(files)}\n`);
}
