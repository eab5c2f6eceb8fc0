import { CommanderError } from 'commander';
import { KubeError } from '../../operator/kube/base/kube-error.ts';
import { ClawError } from '../base/error.ts';
import { buildProgram } from './program.ts';

/** Parses the arguments, runs the command, prints errors; returns the exit code. */
export async function runCli(argv: readonly string[]): Promise<number> {
  const program = buildProgram();
  try {
    await program.parseAsync([...argv]);
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    return reportFailure(thrown);
  }
}

/** 1: the run failed; 2: the command line was wrong (commander prints why); 130: stopped early. */
function reportFailure(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
  if (thrown instanceof ClawError || thrown instanceof KubeError) {
    process.stderr.write(`error: ${thrown.message} [${thrown.code}]\n`);
    return thrown.code === 'Cancelled' ? 130 : 1;
  }
  if (isSystemRefusal(thrown)) {
    process.stderr.write(`error: ${thrown.message} [${thrown.code}]\n`);
    return 1;
  }
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  process.stderr.write(`error: ${text}\nThis is a bug in clawgym: please report it.\n`);
  return 1;
}

/** What the system refuses through no fault of the program: rights, space, limits. */
const REFUSALS: ReadonlySet<unknown> = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'ENAMETOOLONG',
]);

function isSystemRefusal(thrown: unknown): thrown is Error & { readonly code: string } {
  return thrown instanceof Error && 'code' in thrown && REFUSALS.has(thrown.code);
}
