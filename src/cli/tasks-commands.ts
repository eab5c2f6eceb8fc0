import { type Command, Option } from '@commander-js/extra-typings';
import { SOURCE_FORMATS } from '../tasks/import/importer.ts';
import { inCluster } from './cluster/cluster-options.ts';

const SOURCE =
  'task set, any source that can be imported, or synthesisjob/NAME: the tasks that it accepted';
const FROM = [
  '--from <dir>',
  "the SynthesisJob's output folder, or a folder of several (default: ./out/NAME where it is, else the cluster)",
] as const;
const NAMESPACE = "of the SynthesisJob (default: the context's)";

/**
 * `clawgym tasks ...`. Only names, flags and texts stand here; each action imports its command when
 * it is called, so that `--help` answers at once.
 */
export function registerTasksCommands(program: Command): void {
  const tasks = program.command('tasks').description('Import, export, show and check tasks');
  addImport(tasks);
  addExport(tasks);
  addShow(tasks);
  addCheck(tasks);
}

const format = () =>
  new Option('--format <format>', 'format of the source (default: detected)').choices(
    SOURCE_FORMATS,
  );

function addImport(tasks: Command): void {
  tasks
    .command('import')
    .description('Import tasks of any supported format into one task-set file')
    .argument(
      '<path>',
      'ClawGym folder or JSONL, PinchBench folder or file, Harbor folder, manifest, task set',
    )
    .requiredOption('-o, --out <file>', 'file to write; a folder: <digest>.tar in it')
    .addOption(format())
    .option('--overlay <file>', 'YAML or JSON: {tasks: {ID: {inputs: {PATH: protected|editable}}}}')
    .option('--skip-invalid', 'leave out tasks that are refused, and count them')
    .option(
      '--strict-upstream',
      'PinchBench: split files exactly as upstream does, defects included',
    )
    .option('--json', 'print the result as JSON')
    .action(async (path, options) => {
      const { tasksImportCommand } = await import('./tasks-import-command.ts');
      await tasksImportCommand(path, options);
    });
}

function addExport(tasks: Command): void {
  inCluster(
    tasks
      .command('export')
      .description('Write tasks in a format that other tools read')
      .argument('<path>', SOURCE)
      .addOption(
        new Option('--format <format>', 'format to write')
          .choices(EXPORT_FORMATS)
          .default('clawgym-dir' as const),
      )
      .requiredOption(
        '-o, --out <path>',
        'folder to write (clawgym-jsonl: file, or folder for tasks.jsonl)',
      )
      .option('--image <image>', 'harbor: image that the Dockerfile starts from', 'debian:12-slim')
      .option(...FROM),
    NAMESPACE,
  )
    .option('--json', 'print the result as JSON')
    .action(async (path, options) => {
      const { tasksExportCommand } = await import('./tasks-export-command.ts');
      await tasksExportCommand(path, options);
    });
}

function addShow(tasks: Command): void {
  inCluster(
    tasks
      .command('show')
      .description('List tasks, or print one')
      .argument('<path>', SOURCE)
      .argument('[id]', 'task to print in full')
      .addOption(format())
      .option(...FROM),
    NAMESPACE,
  )
    .option('--json', 'print as JSON')
    .action(async (path, id, options) => {
      const { tasksShowCommand } = await import('./tasks-show-command.ts');
      await tasksShowCommand(path, id, options);
    });
}

function addCheck(tasks: Command): void {
  tasks
    .command('check')
    .description('Static gate G0: what can be said of tasks without running them')
    .argument('<path>', 'task set, or any source that can be imported')
    .addOption(format())
    .option('--compile', "also compile Python verifiers with the grader's interpreter (sandbox)")
    .option('--json', 'print the findings as JSON')
    .action(async (path, options) => {
      const { tasksCheckCommand } = await import('./tasks-check-command.ts');
      await tasksCheckCommand(path, options);
    });
}

export const EXPORT_FORMATS = ['clawgym-dir', 'clawgym-jsonl', 'harbor'] as const;
