import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { stopSignal } from '../src/cli/stop-signal.ts';
import { waitUntil } from '../test/cluster/wait-until.ts';
import { Claim } from './support/claim.ts';
import { timed } from './support/cluster.ts';
import { ClusterCommand } from './support/cluster-command.ts';
import { makeScratch, removeScratch, sweepScratches } from './support/cold-scratch.ts';
import { type HostTraces, hostTraces, namesOnHost, newTraces } from './support/host-traces.ts';

/**
 * Claim runtime/1, cold: with an empty Go module cache, build cache and program cache the node layer
 * is up within 15 minutes; ten further cycles of up and down leave no process, network interface,
 * network namespace, mount, cgroup or folder behind.
 *
 * However it ends, it ends its clusters first; of a killed one the next start does.
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
let dirty = 0;

const say = (line: string): void => void process.stderr.write(line);
await sweepScratches(tmpdir(), say);
const scratch = await makeScratch(tmpdir());
const claim = new Claim();
const stop = stopSignal(() => say('stopping: the cluster is ended first\n'));
try {
  const before = await hostTraces();
  const command = new ClusterCommand(scratch, values.warm, stop.signal);
  const [seconds] = await timed(() => command.run('up', '--layer', values.layer));
  claim.check(seconds <= LIMIT_SECONDS, `${seconds.toFixed(0)} s, above ${LIMIT_SECONDS} s`);
  await downLeavesNothing('the first down', command, before);
  for (let cycle = 1; cycle <= CYCLES; cycle += 1) {
    await command.run('up', '--layer', values.layer);
    await downLeavesNothing(`cycle ${cycle}`, command, before);
  }
  const how = values.warm ? 'warm' : 'from empty caches';
  claim.finish(
    `${values.layer} layer up ${how} in ${(seconds / 60).toFixed(1)} min; ` +
      `${CYCLES + 1} times down, ${dirty} of them left something behind`,
  );
} finally {
  await removeScratch(scratch);
  stop[Symbol.dispose]();
}

async function downLeavesNothing(when: string, command: ClusterCommand, before: HostTraces) {
  const folder = command.temporary;
  const ours = namesOnHost(command.stateFolder(values.layer));
  claim.check(values.layer !== 'node' || ours.length > 0, `${when}: the ledger names nothing`);
  await command.run('down');
  const left = async () => [
    ...newTraces(before, await hostTraces(), { folder, ours }),
    ...(await readdir(folder)).map((name) => `folder: ${name}`),
  ];
  // The kernel takes a moment to forget a namespace's interfaces and mounts.
  const none = async (): Promise<boolean> => (await left()).length === 0;
  await waitUntil(none, { what: `nothing is left after ${when}`, seconds: 10 }).catch(async () => {
    dirty += 1;
    claim.check(false, `after ${when}: ${(await left()).join('; ')}`);
  });
}
