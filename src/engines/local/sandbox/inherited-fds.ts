import { openSync, readdirSync, readFileSync } from 'node:fs';

/** Descriptors of this process that a started program would get without anybody's intent. */
export interface InheritedFds {
  readonly fds: readonly number[];
  /** Open on /dev/null; takes their place in a started program. */
  readonly nullFd: number;
}

const FIRST_FREE = 4;
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Descriptors that this process itself was started with. Node opens everything close-on-exec, but
 * what its parent left open goes on to every child: a shell's open file must not reach a sandbox.
 */
export function findInheritedFds(): InheritedFds {
  const fds = readdirSync('/proc/self/fd').map(Number).filter(isInherited);
  return { fds, nullFd: openSync('/dev/null', 'r') };
}

function isInherited(fd: number): boolean {
  if (fd < FIRST_FREE) return false;
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    return false;
  }
}
