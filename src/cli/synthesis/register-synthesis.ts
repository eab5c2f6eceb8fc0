import type { Command } from '@commander-js/extra-typings';
import { inCluster } from '../cluster/cluster-options.ts';
import { outputFormat } from '../flag-values.ts';

const OUT = [
  '--out <dir>',
  'output folder of a local run, or a folder of several (default: ./out/NAME where it is, else the cluster)',
] as const;
const NAMESPACE = "of the job (default: the context's)";
const OUTPUT = ['-o, --output <format>', 'table or json'] as const;
const NAME = 'name of a SynthesisJob, or a unique part of it';

/** `clawgym synthesis ...`: what SynthesisJobs made, here or in a cluster. */
export function registerSynthesis(program: Command): void {
  const synthesis = program
    .command('synthesis')
    .description('What SynthesisJobs made of each record, here or in a cluster');
  inCluster(
    synthesis
      .command('records')
      .description(
        'List the records of a SynthesisJob: outcome, stage, reason, what they were made from',
      )
      .argument('<name>', NAME)
      .option('--stage <stage>', 'only those that this stage rejected, or that are at it')
      .option('--rejected', 'only those that were rejected')
      .option(...OUT),
    NAMESPACE,
  )
    .option(...OUTPUT, outputFormat, 'table')
    .action(async (name, options) => {
      const { synthesisRecordsCommand } = await import('./records-command.ts');
      await synthesisRecordsCommand(name, options);
    });
  inCluster(
    synthesis
      .command('show')
      .description('Print one record: sample, task, repairs, gates, rejection, calls of models')
      .argument('<name>', NAME)
      .argument('<record>', 'number of the record, or id of its task')
      .option(...OUT),
    NAMESPACE,
  )
    .option(...OUTPUT, outputFormat, 'table')
    .action(async (name, record, options) => {
      const { synthesisShowCommand } = await import('./show-command.ts');
      await synthesisShowCommand(name, record, options);
    });
}
