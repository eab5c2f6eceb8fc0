import type { Command } from '@commander-js/extra-typings';
import { inCluster } from '../cluster/cluster-options.ts';
import { outputFormat } from '../flag-values.ts';

const OUT = ['--out <dir>', 'folder with the outputs of local runs', 'out'] as const;
const NAMESPACE = 'of an installation: the models of its server';
const OUTPUT = ['-o, --output <format>', 'table or json'] as const;

/** `clawgym models ...`: the models of local runs, or of a cluster. */
export function registerModels(program: Command): void {
  const models = program
    .command('models')
    .description('Models that training starts from or made, here or in a cluster');
  registerReading(models);
  registerMoving(models);
}

function registerReading(models: Command): void {
  inCluster(
    models
      .command('list')
      .description('List the models that were imported or trained')
      .option(...OUT),
    NAMESPACE,
  )
    .option(...OUTPUT, outputFormat, 'table')
    .action(async (options) => {
      const { modelsListCommand } = await import('./models-command.ts');
      await modelsListCommand(options);
    });
  inCluster(
    models
      .command('show')
      .description('Print a model: where it comes from, and its files')
      .argument('<model>', 'digest, the start of one, or the name of a TrainingRun')
      .option(...OUT),
    NAMESPACE,
  )
    .option(...OUTPUT, outputFormat, 'table')
    .action(async (model, options) => {
      const { modelsShowCommand } = await import('./models-command.ts');
      await modelsShowCommand(model, options);
    });
}

function registerMoving(models: Command): void {
  inCluster(
    models
      .command('import')
      .description('Keep a folder in the layout of Hugging Face as a model, and print its digest')
      .argument('<dir>', 'config, *.safetensors, tokenizer, chat template')
      .option(...OUT),
    NAMESPACE,
  )
    .option('--template <file>', "the chat template, instead of the folder's own")
    .option('--base <model>', 'model that an adapter belongs to')
    .option(...OUTPUT, outputFormat, 'table')
    .action(async (dir, options) => {
      const { modelsImportCommand } = await import('./models-command.ts');
      await modelsImportCommand(dir, options);
    });
  inCluster(
    models
      .command('export')
      .description('Write the files of a model into a new folder, every digest checked')
      .argument('<model>', 'digest, the start of one, or the name of a TrainingRun')
      .argument('<dir>', 'new folder')
      .option(...OUT),
    NAMESPACE,
  )
    .option(...OUTPUT, outputFormat, 'table')
    .action(async (model, dir, options) => {
      const { modelsExportCommand } = await import('./models-command.ts');
      await modelsExportCommand(model, dir, options);
    });
}
