import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { terminalText } from '../../base/plain-text.ts';
import type { DraftFile } from '../task-draft.ts';
import { unsafePathReason } from '../task-paths.ts';
import type { ImportLimits } from './import-limits.ts';
import { fieldError, parseField } from './import-problem.ts';
import type { ImportOptions, ImportStep } from './importer.ts';
import { decodeText } from './parse-document.ts';
import { parseYamlText } from './parse-yaml.ts';
import { PINCHBENCH_FILE } from './pinchbench-file.ts';
import { draftOfPinchBench } from './pinchbench-task.ts';
import { listNames, newReadBudget, notUtf8, readBoundedFile } from './read-tree.ts';

interface Layout {
  readonly tasksDir: string;
  readonly files: readonly string[];
  /** Names that are not UTF-8, in Latin-1. */
  readonly unnamed: readonly string[];
  readonly assetsDir: string;
  readonly version: string | undefined;
}

const zManifest = z.looseObject({
  categories: z.record(z.string(), z.array(z.string()).nullable()).nullish(),
});

/** Imports a PinchBench checkout, its `tasks` folder, or one Markdown file of it. */
export async function* importPinchBench(
  path: string,
  options: ImportOptions,
): AsyncGenerator<ImportStep> {
  const layout = await layoutOf(path);
  for (const name of layout.unnamed) {
    yield { place: { file: terminalText(name) }, failed: notUtf8('name', name) };
  }
  const categories = await manifestCategories(layout.tasksDir, options.limits);
  for (const file of layout.files) {
    options.signal.throwIfAborted();
    const place = { file };
    if (!PINCHBENCH_FILE.test(file)) {
      if (file.endsWith('.md')) yield { place, warning: 'not named task_*.md; left out' };
      continue;
    }
    const stem = file.slice(0, -'.md'.length);
    const warnings: string[] = [];
    const budget = newReadBudget();
    try {
      const { content } = await readBoundedFile(
        join(layout.tasksDir, file),
        file,
        options.limits,
        budget,
        options.limits.metadataBytes,
      );
      const draft = await draftOfPinchBench({
        stem,
        text: decodeText(content, file),
        category: categories.get(stem),
        strictUpstream: options.strictUpstream,
        limits: options.limits,
        provenance: {
          format: 'pinchbench',
          source: file,
          strictUpstream: options.strictUpstream,
          ...(layout.version !== undefined && { benchmarkVersion: layout.version }),
        },
        warn: (warning) => warnings.push(warning),
        readAsset: (source, field) =>
          readAsset(layout.assetsDir, source, field, options.limits, budget),
      });
      yield { place: { ...place, task: stem }, draft };
    } catch (failed) {
      options.signal.throwIfAborted();
      yield { place: { ...place, task: stem }, failed };
    }
    for (const warning of warnings) yield { place, warning };
  }
}

async function layoutOf(path: string): Promise<Layout> {
  const stats = await lstat(path);
  const single = stats.isFile();
  const names = single
    ? []
    : (await listNames(path, basename(path))).entries.map(({ name }) => name);
  const nested =
    !single && names.includes('tasks') && !names.some((name) => PINCHBENCH_FILE.test(name));
  const tasksDir = single ? dirname(path) : nested ? join(path, 'tasks') : path;
  const { entries, unnamed } = single
    ? { entries: [{ name: basename(path) }], unnamed: [] }
    : await listNames(tasksDir, 'tasks');
  const files = entries.map(({ name }) => name);
  const root = nested ? path : dirname(tasksDir);
  const version = await readBoundedFile(
    join(root, 'BENCHMARK_VERSION'),
    'BENCHMARK_VERSION',
    VERSION_LIMITS,
    newReadBudget(),
  )
    .then(({ content }) => Buffer.from(content).toString('utf8').trim())
    .catch(() => undefined);
  return { tasksDir, files, unnamed, assetsDir: join(root, 'assets'), version };
}

const VERSION_LIMITS: ImportLimits = {
  fileBytes: 100,
  taskBytes: 100,
  taskFiles: 1,
  rowBytes: 0,
  metadataBytes: 100,
  depth: 1,
  nodes: 1,
  tasks: 1,
  sourceBytes: 100,
};

async function manifestCategories(
  tasksDir: string,
  limits: ImportLimits,
): Promise<Map<string, string>> {
  const file = join(tasksDir, 'manifest.yaml');
  const there = await lstat(file).catch(() => undefined);
  if (there === undefined) return new Map();
  const { content } = await readBoundedFile(
    file,
    'manifest.yaml',
    limits,
    newReadBudget(),
    limits.metadataBytes,
  );
  const manifest = parseField(
    zManifest,
    parseYamlText(decodeText(content, 'manifest.yaml'), 'manifest.yaml', limits),
    'manifest.yaml',
  );
  return new Map(
    Object.entries(manifest.categories ?? {}).flatMap(([category, ids]) =>
      (ids ?? []).map((id): [string, string] => [id, category]),
    ),
  );
}

async function readAsset(
  assetsDir: string,
  source: string,
  field: string,
  limits: ImportLimits,
  budget: { bytes: number; files: number },
): Promise<DraftFile> {
  const reason = unsafePathReason(source);
  if (reason !== undefined)
    throw fieldError('UnsafePath', field, source, `a path below assets/ (this one ${reason})`);
  const path = join(assetsDir, source);
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined)
    throw fieldError('InvalidTask', field, source, 'a file below assets/ (it is missing)');
  const [real, realRoot] = await Promise.all([realpath(path), realpath(assetsDir)]);
  if (real !== join(realRoot, source)) {
    throw fieldError('UnsafePath', field, source, 'a path below assets/ without links');
  }
  return { path: source, ...(await readBoundedFile(path, `assets/${source}`, limits, budget)) };
}
