import { existsSync } from 'node:fs';
import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../src/base/brand.ts';
import { errorMessage } from '../../src/base/error.ts';
import { identify, isRunning } from '../../test/cluster/process-identity.ts';
import { waitUntil } from '../../test/cluster/wait-until.ts';
import { ClusterCommand } from './cluster-command.ts';

const PREFIX = 'clawgym-cold-';
const OWNER = 'owner.json';
/** Without an owner a folder is taken for abandoned after this: longer than a claim may run. */
const OWNERLESS_MS = 3 * 3600_000;
/** A cluster whose start was cancelled ends by itself; one without a supervisor is young for 60 s. */
const [DOWNS, GONE_SECONDS] = [3, 30];

const zOwner = z.object({ pid: z.number(), startTicks: z.number() });

/** A new folder for the caches and clusters of this process; it names its owner. */
export async function makeScratch(root: string): Promise<string> {
  const scratch = await mkdtemp(join(root, PREFIX));
  await writeFile(join(scratch, OWNER), JSON.stringify(identify(process.pid)));
  return scratch;
}

/**
 * Ends the clusters in the folder, then removes it. Fails where one cannot be ended, and keeps the
 * folder then: in it is the only record of what the cluster made on the host.
 */
export async function removeScratch(scratch: string): Promise<void> {
  await endClusters(new ClusterCommand(scratch, true));
  await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
}

/**
 * Removes the folders of this user whose owner was killed, by `remove`. One that resists is told and
 * stays: it must not keep another claim from running.
 */
export async function sweepScratches(
  root: string,
  say: (line: string) => void,
  remove: (scratch: string) => Promise<void> = removeScratch,
): Promise<void> {
  const names = (await readdir(root)).filter((name) => name.startsWith(PREFIX));
  for (const scratch of names.map((name) => join(root, name))) {
    if (!(await isAbandoned(scratch))) continue;
    say(`removing what a killed claim left in ${scratch}\n`);
    await remove(scratch).catch((cause: unknown) => say(`${scratch}: ${errorMessage(cause)}\n`));
  }
}

/** Only of this user: what stands in a ledger is run. */
async function isAbandoned(scratch: string): Promise<boolean> {
  const found = await lstat(scratch).catch(() => undefined);
  if (found === undefined || !found.isDirectory() || found.uid !== process.getuid?.()) return false;
  try {
    return !isRunning(zOwner.parse(parseJson(await readFile(join(scratch, OWNER), 'utf8'))));
  } catch {
    return Date.now() - found.mtimeMs > OWNERLESS_MS;
  }
}

async function endClusters(command: ClusterCommand): Promise<void> {
  const gone = (): boolean => !existsSync(command.stateRoot);
  const what = `no cluster is left in ${command.stateRoot}`;
  for (let left = DOWNS; !gone(); left -= 1) {
    await command.run('down');
    await waitUntil(gone, { what, seconds: GONE_SECONDS }).catch((cause: unknown) => {
      if (left <= 1) throw cause;
    });
  }
}
