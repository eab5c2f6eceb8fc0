import { readFileSync } from 'node:fs';

/**
 * A process that cannot be confused with a later one of the same number: the kernel gives numbers out
 * again, but never with the same start.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot at which it started (proc(5), field 22 of stat). */
  readonly startTicks: number;
}

/** Fields of /proc/PID/stat after the program's name, which may itself hold spaces and brackets. */
const STATE_FIELD = 0;
const START_FIELD = 19;

/** The identity of a running process; undefined where there is none, or only its zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[STATE_FIELD] === 'Z' || fields[STATE_FIELD] === 'X') return undefined;
  return { pid, startTicks: Number(fields[START_FIELD]) };
}

/** True while exactly this process runs. */
export function isRunning({ pid, startTicks }: ProcessIdentity): boolean {
  return identify(pid)?.startTicks === startTicks;
}

/** Sends a signal to exactly this process; false where it is gone. */
export function signalProcess(process_: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(process_)) return false;
  try {
    return process.kill(process_.pid, signal);
  } catch {
    return false;
  }
}
