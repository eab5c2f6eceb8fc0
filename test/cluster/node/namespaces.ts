import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Command line that runs a program in all namespaces of a node. The program is a child of nsenter
 * (that is how a pid namespace is entered), so it gets SIGTERM when nsenter ends.
 */
export function enterNode(pid: number): readonly [string, ...string[]] {
  const namespaces = ['--mount', '--net', '--uts', '--ipc', '--pid'];
  const dieWithParent = ['setpriv', '--pdeathsig', 'TERM', '--'];
  // Entering a mount namespace loses the working directory.
  return ['nsenter', `--target=${pid}`, ...namespaces, '--wdns=/', '--', ...dieWithParent];
}

/** Command line that becomes a program in the network namespace of a process, all else as here. */
export function enterNetwork(pid: number): readonly [string, ...string[]] {
  return ['nsenter', `--target=${pid}`, '--net', '--'];
}

/** A process of a pid namespace, numbered as the host does. */
export interface InnerProcess {
  readonly pid: number;
  /** Empty for a process that ends just now. */
  readonly argv: readonly string[];
}

/** Processes in exactly the pid namespace of this one; those of containers have namespaces of their own. */
export function processesBeside(pid: number): readonly InnerProcess[] {
  const namespace = pidNamespace(pid);
  if (namespace === undefined) return [];
  return readdirSync('/proc')
    .map(Number)
    .filter((other) => Number.isInteger(other) && pidNamespace(other) === namespace)
    .map((other) => ({ pid: other, argv: commandLine(other) }));
}

function pidNamespace(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** The only child of a process, as unshare has one; undefined before it is there. */
export function onlyChild(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? undefined : Number(children.split(' ')[0]);
  } catch {
    return undefined;
  }
}
