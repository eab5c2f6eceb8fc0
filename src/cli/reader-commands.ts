import type { Command } from '@commander-js/extra-typings';
import { inCluster } from './cluster/cluster-options.ts';
import { agentResult, count, fraction, outputFormat, percent, seed } from './flag-values.ts';

const NAMESPACE = "namespace of the runs (default: the context's)";
const OUT = [
  '--out <dir>',
  'output folder of a local run (default: ./out/bench where it is, else the cluster)',
] as const;

/** The commands that read runs, of this machine or of a cluster. */
export function registerReaderCommands(program: Command): void {
  addGet(program);
  addRolloutReaders(program);
  addReport(program);
  addExport(program);
}

function addGet(program: Command): void {
  const get = program.command('get').description('List parts of a run');
  inCluster(
    get
      .command('rollouts')
      .description('List the rollouts of a batch with outcome and score')
      .argument('<batch>', 'name of a RolloutBatch; of a local run: <name>-<arm>, or a part of it')
      .option(...OUT),
    NAMESPACE,
  )
    .option('-o, --output <format>', 'table or json', outputFormat, 'table')
    .action(async (batch, options) => {
      const { getRolloutsCommand } = await import('./get-command.ts');
      await getRolloutsCommand(batch, options);
    });
}

function addRolloutReaders(program: Command): void {
  const readers = [
    ['show', 'Print one rollout: attempts, calls, checks, findings'],
    ['logs', "Print the agent's output of a rollout's last attempt"],
    ['download', "Unpack a rollout's final workspace, logs and calls into a folder"],
  ] as const;
  for (const [name, description] of readers) {
    const command = inCluster(
      program
        .command(name)
        .description(description)
        .argument('<rollout>', '<batch>/<task>/<sample>, or a unique part of it')
        .option(...OUT),
      NAMESPACE,
    );
    if (name !== 'show')
      command.option('--attempt <n>', 'attempt number (default: the last)', count);
    if (name === 'show')
      command.option('-o, --output <format>', 'table or json', outputFormat, 'table');
    if (name === 'logs') command.option('--stderr', 'standard error instead of standard output');
    if (name === 'download') command.option('--to <dir>', 'target folder', '.');
    command.action(async (rollout, options) => {
      const { readCommand } = await import('./read-commands.ts');
      await readCommand(name, rollout, options);
    });
  }
}

function addReport(program: Command): void {
  inCluster(
    program
      .command('report')
      .description('Write report, results and rows of a BenchRun in a cluster')
      .argument('<benchrun>', 'name of the BenchRun')
      .requiredOption('--out <dir>', 'folder to write to')
      .option('--wait', 'wait until every rollout is decided'),
    NAMESPACE,
  )
    .option('-o, --output <format>', 'what is printed: table or json', outputFormat, 'table')
    .action(async (benchRun, options) => {
      const { reportCommand } = await import('./report-command.ts');
      await reportCommand(benchRun, options);
    });
}

function addExport(program: Command): void {
  inCluster(
    program
      .command('export')
      .description('Write the conversations of finished rollouts as rows for training')
      .argument(
        '<batch...>',
        'names of RolloutBatches; of a local run: <name>-<arm>, or a part of it',
      )
      .requiredOption('--to <dir>', 'new folder to write to')
      .option('--min-score <score>', 'least score of a rollout that is taken', fraction, 0.5)
      .option(
        '--outcome <name>',
        'outcome that is taken, repeatable (default: scored)',
        agentResult,
      )
      .option('--validation-percent <n>', 'percent of the task lineages kept apart', percent, 0)
      .option('--seed <n>', 'seed of that choice', seed, 0)
      .option(...OUT),
    NAMESPACE,
  )
    .option('-o, --output <format>', 'what is printed: table or json', outputFormat, 'table')
    .action(async (batches, options) => {
      const { exportCommand } = await import('./export-command.ts');
      await exportCommand(batches, options);
    });
}
