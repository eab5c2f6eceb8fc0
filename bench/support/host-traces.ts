import { readdir, readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { basename } from 'node:path';
import { Ledger } from '../../test/cluster/ledger.ts';
import { processesNaming } from '../../test/support/processes-naming.ts';

/** What a cluster could leave on the host outside of its folder. */
export interface HostTraces {
  readonly interfaces: readonly string[];
  readonly namespaces: readonly string[];
  readonly mounts: readonly string[];
  readonly cgroups: readonly string[];
}

const PREFIX = 'clawgym';
const CGROUPS = '/sys/fs/cgroup';
const NAMED_NAMESPACES = '/var/run/netns';

export async function hostTraces(): Promise<HostTraces> {
  const mountInfo = await readFile('/proc/self/mountinfo', 'utf8');
  return {
    interfaces: await list('/sys/class/net', Object.keys(networkInterfaces())),
    namespaces: await list(NAMED_NAMESPACES, []),
    mounts: mountInfo.split('\n').map((line) => line.split(' ')[4] ?? ''),
    cgroups: await cgroups(),
  };
}

/**
 * What is there now and was not before, and every process that names `folder`. Another cluster may
 * start meanwhile: of what bears the project's prefix only `ours`, the names of the cluster in
 * question, count.
 */
export function newTraces(
  before: HostTraces,
  now: HostTraces,
  { folder, ours }: { readonly folder: string; readonly ours: readonly string[] },
): readonly string[] {
  const counts = (item: string): boolean =>
    !basename(item).startsWith(PREFIX) || ours.some((name) => item.includes(name));
  const fresh = (kind: keyof HostTraces): readonly string[] => {
    const known = new Set(before[kind]);
    return now[kind]
      .filter((item) => !known.has(item) && counts(item))
      .map((item) => `${kind}: ${item}`);
  };
  const processes = processesNaming(folder).map((line) => `process: ${line}`);
  return [
    ...processes,
    ...fresh('interfaces'),
    ...fresh('namespaces'),
    ...fresh('mounts'),
    ...fresh('cgroups'),
  ];
}

/** Names that a running cluster gave to what it made on the host, from its ledger. */
export function namesOnHost(stateFolder: string): readonly string[] {
  return new Ledger(stateFolder).entries().flatMap((entry) => {
    if (entry.kind === 'undo') return entry.argv.slice(-1);
    return entry.kind === 'process' ? [] : [basename(entry.path)];
  });
}

/** Folders of the first two levels: controllers on version 1, groups on version 2. */
async function cgroups(): Promise<readonly string[]> {
  const top = await list(CGROUPS, []);
  const nested = await Promise.all(
    top.map(async (name) =>
      (await list(`${CGROUPS}/${name}`, [])).map((inner) => `${name}/${inner}`),
    ),
  );
  return [...top, ...nested.flat()];
}

async function list(folder: string, otherwise: readonly string[]): Promise<readonly string[]> {
  return await readdir(folder).catch(() => otherwise);
}
