import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import { table } from '../../base/table.ts';
import { importModel, materializeModel, type StoredModel } from '../../training/model-artifact.ts';
import { readModel } from '../../training/model-manifest.ts';
import { recordImport } from '../../training/model-records.ts';
import { type ClusterFlags, namesCluster } from '../cluster/cluster-flags.ts';
import { makeNewFolder } from '../new-folder.ts';
import type { OutputFormat } from '../output-format.ts';
import { openWorkStore } from '../run-outputs/work-store.ts';
import { oneModel, withModels, withServer } from './cluster-models.ts';
import { findModel } from './find-model.ts';
import { modelText } from './model-text.ts';

export interface ModelsOptions extends ClusterFlags {
  /** Folder with the outputs of local runs. */
  readonly out: string;
  readonly output: OutputFormat;
}

export interface ModelsImportOptions extends ModelsOptions {
  readonly template?: string | undefined;
  readonly base?: string | undefined;
}

/** The output folder that keeps what was imported. */
const IMPORTS = 'models';

const print = (text: string): void => void process.stdout.write(text);
const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** `clawgym models list`: what was imported and what training made. */
export async function modelsListCommand({ output, ...source }: ModelsOptions): Promise<void> {
  await withModels(source, async (models) => {
    if (output === 'json') {
      return print(asJson(models.map(({ digest, from, at }) => ({ digest, from, at }))));
    }
    const rows = await Promise.all(
      models.map(async ({ digest, from, at, artifacts }) => {
        const { kind, record } = await readModel(digest, artifacts);
        const steps = record.steps === undefined ? '-' : String(record.steps);
        const made = new Date(at).toISOString().slice(0, 19).replace('T', ' ');
        return [digest.slice(0, 12), kind, from.kind, from.name, steps, made];
      }),
    );
    print(table(['MODEL', 'KIND', 'BY', 'NAME', 'STEPS', 'MADE'], rows));
  });
}

/** `clawgym models show`: one model with its lineage. */
export async function modelsShowCommand(
  wanted: string,
  { output, ...source }: ModelsOptions,
): Promise<void> {
  await withOne(wanted, source, async ({ digest, artifacts }) => {
    const manifest = await readModel(digest, artifacts);
    print(output === 'json' ? asJson({ digest, ...manifest }) : modelText(digest, manifest));
  });
}

type Placed = ReturnType<typeof oneModel>;

async function withOne(
  wanted: string,
  source: Omit<ModelsOptions, 'output'>,
  use: (found: Placed) => Promise<void>,
): Promise<void> {
  if (!namesCluster(source)) return await use(await findModel(source.out, wanted));
  await withModels(source, async (models, place) => use(oneModel(models, wanted, place)));
}

/**
 * `clawgym models import`: a folder in the layout of Hugging Face becomes a model artifact, of a work
 * folder or, with a flag of kubectl, of a cluster's server.
 */
export async function modelsImportCommand(
  dir: string,
  { output, template, base, ...source }: ModelsImportOptions,
): Promise<void> {
  const text = template === undefined ? undefined : await readText(template);
  const told = ({ digest, manifest }: StoredModel): void =>
    print(output === 'json' ? asJson({ digest, ...manifest }) : `sha256:${digest}\n`);
  const place = resolve(dir);
  if (namesCluster(source)) {
    return await withServer(source, async (server) => {
      const parents =
        base === undefined
          ? []
          : [
              oneModel(
                (await server.listModels()).map((model) => ({ ...model, artifacts: server })),
                base,
                'the cluster',
              ).digest,
            ];
      const made = await importModel(place, { versions: {}, parents }, server, { template: text });
      await server.importModel({ digest: made.digest, source: place });
      told(made);
    });
  }
  const { out } = source;
  const parents = base === undefined ? [] : [(await findModel(out, base)).digest];
  await using work = await openWorkStore(join(out, IMPORTS));
  const record = { versions: {}, parents };
  const made = await importModel(dir, record, work.artifacts, { template: text });
  const now = systemClock.now();
  await recordImport(work.records, { digest: made.digest, source: place, now });
  told(made);
}

/** `clawgym models export`: the files of a model, each checked, in a new folder. */
export async function modelsExportCommand(
  wanted: string,
  dir: string,
  { output, ...source }: ModelsOptions,
): Promise<void> {
  await withOne(wanted, source, async ({ digest, artifacts }) => {
    await readModel(digest, artifacts);
    const folder = resolve(dir);
    await makeNewFolder(folder);
    const { files } = await materializeModel(digest, folder, artifacts);
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const written = { digest, folder, files: files.length, bytes };
    const text = `${folder}: ${files.length} files, ${bytes} bytes\n`;
    print(output === 'json' ? asJson(written) : text);
  });
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new ClawError('NotFound', `template ${path} cannot be read: ${errorMessage(cause)}`, {
      cause,
    });
  }
}
