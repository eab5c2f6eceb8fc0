import { Command } from '@commander-js/extra-typings';
import { PRODUCT } from '../base/product.ts';
import { count, countUpTo, decimal, outputFormat, upTo } from './flag-values.ts';
import { registerModels } from './models/register-models.ts';
import { registerReaderCommands } from './reader-commands.ts';
import { registerSynthesis } from './synthesis/register-synthesis.ts';
import { registerTasksCommands } from './tasks-commands.ts';

/**
 * The command tree. Only names, flags and texts stand here; each action imports its command when it
 * is called, so that `--help` answers at once.
 */
export function buildProgram(): Command {
  const program = new Command()
    .name('clawgym')
    .description('Verifiable tasks, safe rollouts and honest scores for claw-style agents')
    .version(PRODUCT.version)
    .exitOverride()
    .showHelpAfterError('(run with --help for the flags)')
    .enablePositionalOptions();
  addRun(program);
  addBench(program);
  registerReaderCommands(program);
  registerTasksCommands(program);
  registerSynthesis(program);
  registerModels(program);
  addVerify(program);
  addDoctor(program);
  return program;
}

function addRun(program: Command): void {
  program
    .command('run')
    .description(
      'Run the objects of a manifest on this machine (BenchRun, RolloutBatch, SynthesisJob, TrainingRun)',
    )
    .requiredOption(
      '-f, --filename <path>',
      'manifest with one or more YAML documents, or a folder of them',
    )
    .option('--out <dir>', 'output folder (default: ./out/<name>)')
    .option(
      '--parallel <n>',
      'rollouts or records at a time (default: the manifest, else the cores)',
      countUpTo(MAX_PARALLEL),
    )
    .option('--base-url <url>', 'endpoint for models that the manifest names by Secret')
    .option('--api-key-env <name>', 'environment variable with the key of that endpoint')
    .option('--no-model-check', 'start without asking endpoints for one answer first')
    .option('--retry-infra-errors', 'try rollouts again that ended as infra_error')
    .option('--skip-invalid', 'leave out tasks that cannot be imported')
    .option('-o, --output <format>', 'output format: table or json', outputFormat, 'table')
    .action(async (options) => {
      const { runCommand } = await import('./run-command.ts');
      await runCommand(options);
    });
}

// The bounds of the same fields of a manifest (src/api); importing those would slow every command down.
const MAX_SAMPLES = 1000;
const MAX_PARALLEL = 100_000;
const MAX_PERCENT = 10_000;
const MAX_DISRUPTIONS = 10_000;

function addBench(program: Command): void {
  program
    .command('bench')
    .description('Run one agent over tasks, without a manifest')
    .requiredOption('--tasks <path>', 'task folder, JSONL, task set or PinchBench/Harbor folder')
    .requiredOption('--agent <name...>', 'nop, lazy, solution, cheat, command, pi, openclaw')
    .option('--task <id...>', 'only these tasks')
    .option('--command <line>', 'command line of the agent "command"')
    .option('--mount <host:inside...>', 'folder for the agent "command", read-only inside')
    .option('--model <name>', 'model name')
    .option('--base-url <url>', 'OpenAI-compatible endpoint of the model')
    .option('--api-key-env <name>', 'environment variable with the key (default: OPENAI_API_KEY)')
    .option('--recording <file>', 'a recorded model instead of an endpoint')
    .option('--no-model-check', 'start without asking the endpoint for one answer first')
    .option('--temperature <t>', "sampling temperature (default: the agent's own)", decimal)
    .option('--context-window <n>', 'tokens that the model takes, for pi and openclaw', count)
    .option('--max-output-tokens <n>', 'tokens of one answer, for pi and openclaw', count)
    .option('--attempts <k>', 'samples per task', countUpTo(MAX_SAMPLES), 1)
    .option('--parallel <n>', 'rollouts at a time (default: the cores)', countUpTo(MAX_PARALLEL))
    .option('--out <dir>', 'output folder (default: ./out/bench)')
    .option('--resume', 'continue an earlier run in --out; fails where there is none')
    .option('--retry-infra-errors', 'try rollouts again that ended as infra_error')
    .option('--skip-invalid', 'leave out tasks that cannot be imported')
    .option('--max-turns <n>', 'model calls per attempt', count)
    .option('--max-tokens <n>', 'tokens per attempt', count)
    .option(
      '--max-seconds <n>',
      "seconds per attempt, where the task's own time-out is longer",
      count,
    )
    .option(
      '--timeout-percent <n>',
      "percent of each task's own time-out",
      countUpTo(MAX_PERCENT),
      100,
    )
    .option(
      '--disruption-limit <n>',
      'restarts of a rollout that the engine did not survive',
      upTo(MAX_DISRUPTIONS),
    )
    .option('-o, --output <format>', 'output format: table or json', outputFormat, 'table')
    .action(async (options) => {
      const { benchCommand } = await import('./bench-command.ts');
      await benchCommand(options);
    });
}

function addVerify(program: Command): void {
  program
    .command('verify')
    .description("Grade a folder with a task's verifier")
    .requiredOption('--tasks <path>', 'where the task is')
    .requiredOption('--task <id>', 'task id')
    .requiredOption('--workspace <dir>', 'folder to grade; it is not changed')
    .option('-o, --output <format>', 'table or json', outputFormat, 'table')
    .action(async (options) => {
      const { verifyCommand } = await import('./verify-command.ts');
      await verifyCommand(options);
    });
}

function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('Say what this host can and cannot do, and what would help')
    .option('-o, --output <format>', 'table or json', outputFormat, 'table')
    .option('--fix', 'install what is missing where that is possible')
    .action(async (options) => {
      const { doctorCommand } = await import('./doctor-command.ts');
      await doctorCommand(options);
    });
}
