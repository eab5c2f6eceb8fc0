import { draftOfClawGymFolder } from '../import/clawgym-directory.ts';
import type { Task } from '../task.ts';
import type { DraftFile } from '../task-draft.ts';
import type { TaskExtension } from '../task-extension.ts';
import type { BlobSource } from '../task-set.ts';
import { clawGymFields, promptOf } from './clawgym-fields.ts';
import { type ExportOptions, loadFiles } from './export-options.ts';
import { extensionFor } from './extension-for.ts';
import { rewardShim } from './reward-shim.ts';

/** The files of a task in ClawGym's directory layout, relative to the task's folder. */
export async function clawGymFolder(
  task: Task,
  blobs: BlobSource,
  options: ExportOptions,
): Promise<DraftFile[]> {
  const files = await loadFiles(task, blobs);
  const shim = rewardShim(task);
  const reward = [
    ...files.verifier,
    ...(shim === undefined
      ? []
      : [{ path: 'reward.sh', content: Buffer.from(shim), executable: true }]),
  ];
  const extension = extensionFor(
    task,
    (given) =>
      draftOfClawGymFolder(
        {
          name: task.id,
          entry: entryBytes(task, given),
          files: {
            input_files: files.inputs,
            reward,
            solution: files.solution,
            environment: files.build,
          },
        },
        options.limits,
      ),
    { verifier: shim === undefined ? [] : ['reward.sh'] },
    options,
  );
  return [
    { path: 'data_entry.json', content: entryBytes(task, extension) },
    ...below('input_files', files.inputs),
    ...below('reward', reward),
    ...below('solution', files.solution),
    ...below('environment', files.build),
  ];
}

function entryBytes(task: Task, extension: TaskExtension | undefined): Buffer {
  const {
    validation_mode: mode,
    reward_aggregation: aggregated,
    rules,
    ...fields
  } = clawGymFields(task);
  const entry = {
    ...fields,
    user_query: promptOf(task),
    ...(mode !== 'code' && { validation_mode: mode }),
    ...(aggregated !== 'code_only' && { reward_aggregation: aggregated }),
    ...(rules !== null && { rules }),
    ...(extension && { clawgym: { task: extension } }),
  };
  return Buffer.from(`${JSON.stringify(entry, null, 2)}\n`);
}

export function below(folder: string, files: readonly DraftFile[]): DraftFile[] {
  return files.map((file) => ({ ...file, path: `${folder}/${file.path}` }));
}
