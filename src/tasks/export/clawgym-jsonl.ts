import { isUtf8 } from 'node:buffer';
import { draftOfRow } from '../import/clawgym-row.ts';
import type { Task } from '../task.ts';
import type { DraftFile } from '../task-draft.ts';
import type { TaskExtension } from '../task-extension.ts';
import type { BlobSource } from '../task-set.ts';
import { clawGymFields, promptOf } from './clawgym-fields.ts';
import { type ExportOptions, type LoadedFiles, loadFiles } from './export-options.ts';
import { extensionFor } from './extension-for.ts';
import { rewardShim } from './reward-shim.ts';

/** A task as one ClawGym JSONL row (without the line break). */
export async function clawGymRow(
  task: Task,
  blobs: BlobSource,
  options: ExportOptions,
): Promise<string> {
  const files = await loadFiles(task, blobs);
  const shim = rewardShim(task);
  const build = (extension: TaskExtension | undefined) => rowOf(task, files, shim, extension);
  const extension = extensionFor(
    task,
    (given) => draftOfRow(JSON.parse(JSON.stringify(build(given))), 1, task.id, options.limits),
    { verifier: shim === undefined ? [] : ['reward.sh'] },
    options,
  );
  return JSON.stringify(build(extension));
}

function rowOf(
  task: Task,
  files: LoadedFiles,
  shim: string | undefined,
  extension: TaskExtension | undefined,
): Record<string, unknown> {
  const { metadata, ...fields } = clawGymFields(task);
  const reward = [
    ...files.verifier,
    ...(shim === undefined ? [] : [{ path: 'reward.sh', content: Buffer.from(shim) }]),
  ];
  const script = reward.find(({ path }) => path === 'reward.sh');
  const clawgym = {
    ...(files.inputs.some(({ path }) => path.startsWith('reward/')) && { inputs_verbatim: true }),
    ...(files.solution.length > 0 && { solution_files: files.solution.map(fileField) }),
    ...(files.build.length > 0 && { environment_files: files.build.map(fileField) }),
    ...(extension && { task: extension }),
  };
  return {
    ...fields,
    prompt: promptOf(task),
    hook_code: script && isUtf8(script.content) ? Buffer.from(script.content).toString('utf8') : '',
    hook_lang: task.extra['hook_lang'] ?? 'bash',
    input_files: files.inputs.map(fileField),
    reward_files: reward.map(fileField),
    metadata,
    ...(Object.keys(clawgym).length > 0 && { clawgym }),
  };
}

function fileField({ path, content }: DraftFile): Record<string, string> {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return isUtf8(bytes)
    ? { file_path: path, content: bytes.toString('utf8') }
    : { file_path: path, content_base64: bytes.toString('base64') };
}
