import { CommanderError } from 'commander';
import { ClawError } from '../src/base/error.ts';
import { clusterProgram } from '../test/cluster/command/cluster-program.ts';

/** `npm run cluster -- up|down|status`: the test cluster for people. Exit codes as of `clawgym`. */
try {
  await clusterProgram().parseAsync(process.argv);
} catch (thrown) {
  process.exitCode = report(thrown);
}

function report(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
  if (!(thrown instanceof ClawError)) throw thrown;
  process.stderr.write(`error: ${thrown.message} [${thrown.code}]\n`);
  return thrown.code === 'Cancelled' ? 130 : 1;
}
