import { existsSync, readdirSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { basename, join } from 'node:path';
import { Ledger } from '../../test/cluster/ledger.ts';
import { stateRoot } from '../../test/cluster/state-root.ts';
import { processesNaming } from '../../test/support/processes-naming.ts';

/** What a cluster could leave on the host outside of its folder. */
export interface HostTraces {
  readonly interfaces: readonly string[];
  readonly namespaces: readonly string[];
  readonly mounts: readonly string[];
  readonly cgroups: readonly string[];
}

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
 * What is there now and was not before, and every process that names `folder`. What stands in the
 * ledger of another running cluster is that one's.
 */
export function newTraces(before: HostTraces, now: HostTraces, folder: string): readonly string[] {
  const others = otherLedgers();
  const fresh = (kind: keyof HostTraces): readonly string[] => {
    const known = new Set(before[kind]);
    return now[kind]
      .filter((item) => !known.has(item) && !others.includes(basename(item)))
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

function otherLedgers(): string {
  const root = stateRoot(process.getuid?.() ?? -1);
  const folders = existsSync(root) ? readdirSync(root).map((name) => join(root, name)) : [];
  return folders.map((folder) => JSON.stringify(new Ledger(folder).entries())).join();
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
