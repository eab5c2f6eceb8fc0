import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { sha256 } from '../base/digest.ts';

/** Marks this process in names of temporary files: host, pid and start time (a pid is reused). */
export function ownProcessMark(): string {
  return processMark(process.pid);
}

/** The same of another process of this host that is alive. */
export function processMark(pid: number): string {
  return `${hostMark()}.${pid}.${startTicks(pid) ?? '0'}`;
}

/**
 * True where the process that made the mark is certainly gone. A mark of another host is never
 * judged here: its process may be alive.
 */
export function markIsDead(mark: string): boolean {
  const [host, pid, start] = mark.split('.');
  if (host !== hostMark() || pid === undefined || !/^\d+$/.test(pid)) return false;
  const now = startTicks(Number(pid));
  if (now !== undefined) return start !== now;
  return !isAlive(Number(pid));
}

const hostMark = (): string => sha256(hostname()).slice(0, 8);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return cause instanceof Error && 'code' in cause && cause.code === 'EPERM';
  }
}

/** Field 22 of /proc/PID/stat; the command in field 2 may hold spaces and brackets. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
