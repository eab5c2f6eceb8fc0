import { isRecord } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import { terminalText } from '../base/plain-text.ts';
import { DEFAULT_IMPORT_LIMITS } from '../tasks/import/import-limits.ts';
import { parseField } from '../tasks/import/import-problem.ts';
import type { SourceFormat } from '../tasks/import/importer.ts';
import { decodeText } from '../tasks/import/parse-document.ts';
import { parseYamlText } from '../tasks/import/parse-yaml.ts';
import { newReadBudget, readBoundedFile } from '../tasks/import/read-tree.ts';
import { type InputOverlay, zInputOverlay } from '../tasks/input-overlay.ts';
import { type LoadedTaskSet, loadTaskSet } from '../tasks/load-task-set.ts';
import { agentCodeScanner } from '../verifiers/scan-agent-code.ts';

export interface TasksSourceOptions {
  readonly format?: SourceFormat | undefined;
  readonly overlay?: string | undefined;
  readonly strictUpstream?: boolean | undefined;
}

/** Loads any source of tasks for a command and prints what was refused or left out. */
export async function loadTasksSource(
  path: string,
  options: TasksSourceOptions,
  signal: AbortSignal,
): Promise<LoadedTaskSet> {
  const overlay = options.overlay === undefined ? undefined : await readOverlay(options.overlay);
  const loaded = await loadTaskSet(path, {
    scanAgentCode: agentCodeScanner,
    signal,
    format: options.format,
    strictUpstream: options.strictUpstream,
    overlay,
  });
  for (const warning of loaded.warnings)
    process.stderr.write(`warning: ${terminalText(warning)}\n`);
  for (const { message, code } of loaded.problems)
    process.stderr.write(`refused: ${terminalText(message)} [${code}]\n`);
  return loaded;
}

async function readOverlay(file: string): Promise<InputOverlay> {
  const limits = DEFAULT_IMPORT_LIMITS;
  const { content } = await readBoundedFile(
    file,
    file,
    limits,
    newReadBudget(),
    limits.metadataBytes,
  );
  const value = parseYamlText(decodeText(content, file), file, limits);
  if (!isRecord(value))
    throw new ClawError('InvalidInput', `${file}: expected {tasks: {ID: {inputs: {PATH: MODE}}}}`);
  return parseField(zInputOverlay, value, file, 'InvalidInput');
}
