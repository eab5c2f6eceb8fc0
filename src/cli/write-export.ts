import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Sha256 } from '../base/brand.ts';
import { asSha256 } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { sha256 } from '../base/digest.ts';
import type { ExportLine, ExportManifest } from '../trajectories/export-messages.ts';
import { SPLITS, type Split } from '../trajectories/split-clusters.ts';
import { makeNewFolder } from './new-folder.ts';

/** An export as a folder: `train.jsonl`, `validation.jsonl`, `manifest.json`. */
export interface WrittenExport {
  readonly folder: string;
  /** SHA-256 of manifest.json, which names the digests of the other files: of the whole export. */
  readonly digest: Sha256;
  readonly manifest: ExportManifest & { readonly files: Readonly<Record<string, WrittenFile>> };
}

interface WrittenFile {
  readonly sha256: Sha256;
  readonly bytes: number;
}

/**
 * Writes an export into a new folder, which appears whole or not at all. Throws `Conflict` where it
 * exists.
 */
export async function writeExport(
  to: string,
  lines: AsyncGenerator<ExportLine, ExportManifest>,
  signal: AbortSignal,
): Promise<WrittenExport> {
  const folder = resolve(to);
  const aside = `${folder}.partial`;
  // The empty folder is the claim on its name; the rename below replaces it.
  await makeNewFolder(folder);
  try {
    await rm(aside, { recursive: true, force: true });
    await mkdir(aside);
    const written = await writeFiles(aside, lines, signal);
    await rename(aside, folder);
    return { folder, ...written };
  } catch (cause) {
    await rm(aside, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
    throw cause;
  }
}

async function writeFiles(
  folder: string,
  lines: AsyncGenerator<ExportLine, ExportManifest>,
  signal: AbortSignal,
): Promise<Omit<WrittenExport, 'folder'>> {
  await using files = new AsyncDisposableStack();
  const [train, validation] = await Promise.all(
    SPLITS.map(async (split) => files.use(await openLines(join(folder, fileOf(split))))),
  );
  if (train === undefined || validation === undefined) throw new Error('a file for each split');
  const byline = { train, validation };
  for (;;) {
    signal.throwIfAborted();
    const next = await lines.next();
    if (next.done !== true) {
      await byline[next.value.split].write(next.value.text);
      continue;
    }
    const named = SPLITS.map((split) => [fileOf(split), byline[split].written()] as const);
    const manifest = { ...next.value, files: Object.fromEntries(named) };
    const text = `${canonicalJson(manifest)}\n`;
    await using file = await open(join(folder, 'manifest.json'), 'wx');
    await file.writeFile(text);
    return { digest: sha256(text), manifest };
  }
}

const fileOf = (split: Split): string => `${split}.jsonl`;

async function openLines(path: string): Promise<LineFile> {
  return new LineFile(await open(path, 'wx'));
}

class LineFile implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #hash = createHash('sha256');
  #bytes = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(line: string): Promise<void> {
    const bytes = Buffer.from(`${line}\n`);
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    await this.#handle.writeFile(bytes);
  }

  written(): WrittenFile {
    return { sha256: asSha256(this.#hash.copy().digest('hex')), bytes: this.#bytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
