import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { waitUntil } from '../test/cluster/wait-until.ts';
import { Claim } from './support/claim.ts';
import { timed } from './support/cluster.ts';
import { ClusterCommand } from './support/cluster-command.ts';
import { type HostTraces, hostTraces, newTraces } from './support/host-traces.ts';

/**
 * Claim runtime/1, cold: with an empty Go module cache, build cache and program cache the node layer
 * is up within 15 minutes; ten further cycles of up and down leave no process, network interface,
 * network namespace, mount, cgroup or folder behind.
 *
 * `--cycles N`, `--layer NAME` and `--warm` (the host's own caches) for a shorter one.
 */
const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '10' },
    layer: { type: 'string', default: 'node' },
    warm: { type: 'boolean', default: false },
  },
});
const LIMIT_SECONDS = 15 * 60;
const CYCLES = Number(values.cycles);

const scratch = await mkdtemp(join(tmpdir(), 'clawgym-cold-'));
const claim = new Claim();
try {
  const before = await hostTraces();
  const command = new ClusterCommand(scratch, values.warm);
  const [seconds] = await timed(() => command.run('up', '--layer', values.layer));
  claim.check(seconds <= LIMIT_SECONDS, `${seconds.toFixed(0)} s, above ${LIMIT_SECONDS} s`);
  await command.run('down');
  await checkTraces('the first down', before, command.temporary);
  for (let cycle = 1; cycle <= CYCLES; cycle += 1) {
    await command.run('up', '--layer', values.layer);
    await command.run('down');
    await checkTraces(`cycle ${cycle}`, before, command.temporary);
  }
  const how = values.warm ? 'warm' : 'from empty caches';
  claim.finish(
    `${values.layer} layer up ${how} in ${(seconds / 60).toFixed(1)} min; ${CYCLES} cycles left nothing behind`,
  );
} finally {
  await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
}

/** The kernel takes a moment to forget a namespace's interfaces and mounts. */
async function checkTraces(when: string, before: HostTraces, folder: string): Promise<void> {
  const left = async () => [
    ...newTraces(before, await hostTraces(), folder),
    ...(await readdir(folder)).map((name) => `folder: ${name}`),
  ];
  const none = async (): Promise<boolean> => (await left()).length === 0;
  await waitUntil(none, { what: `nothing is left after ${when}`, seconds: 10 }).catch(async () =>
    claim.check(false, `after ${when}: ${(await left()).join('; ')}`),
  );
}
