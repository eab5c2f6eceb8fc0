import { CommanderError } from 'commander';
import { ClawError } from '../src/base/error.ts';
import { imagesProgram } from '../test/cluster/images/command/images-program.ts';

/** `npm run images -- build|status`: the images without Docker. Exit codes as of `clawgym`. */
try {
  await imagesProgram().parseAsync(process.argv);
} catch (thrown) {
  process.exitCode = report(thrown);
}

function report(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
  if (!(thrown instanceof ClawError)) throw thrown;
  process.stderr.write(`error: ${thrown.message} [${thrown.code}]\n`);
  return thrown.code === 'Cancelled' ? 130 : 1;
}
