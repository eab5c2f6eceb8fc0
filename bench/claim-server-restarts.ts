import { parseArgs } from 'node:util';
import { seededRandom } from '../test/support/fault-proxy/rules.ts';
import { Killer } from '../test/support/kills.ts';
import { decidedOtherwise, miscounts, WatchedBatch } from './support/batch-view.ts';
import { Claim } from './support/claim.ts';
import { timed } from './support/cluster.ts';
import { openPiBed, piBatch } from './support/pi-bed.ts';

/**
 * Claim operator/16: the server dies ten times, by SIGKILL and by deletion of its pod in turn, while 20
 * rollouts of pi are at work: each is decided by its first attempt, as undisturbed.
 *
 * `--restarts 10`.
 */
const { values } = parseArgs({ options: { restarts: { type: 'string', default: '10' } } });
const RUN_SECONDS = 900;
const TASKS = [
  'contact-split',
  'gateway-config',
  'late-fee-script',
  'ledger-reconciliation',
  'log-triage',
];
const SPEC = { taskIds: TASKS, parallelism: 4 };
const restarts = Number(values.restarts);
const claim = new Claim();

await using bed = await openPiBed('restarts');
const create = async (name: string, samples: number): Promise<WatchedBatch> => {
  const manifest = piBatch(name, { ...SPEC, samples });
  await bed.installation.kubectl(['create', '--filename', '-'], manifest);
  return new WatchedBatch(bed, name);
};
// Samples of one task are the same: the recording answers each alike.
const calm = await create('calm', 1);
await calm.finished(RUN_SECONDS);
const expected = await calm.view();
const restarted = await create('restarted', 4);
const [seconds] = await timed(async () => {
  const killer = new Killer(bed, seededRandom(1));
  for (let index = 0; index < restarts; index += 1) {
    await restarted.decided(Math.floor((20 / (restarts + 1)) * index), RUN_SECONDS);
    const { status } = await restarted.object();
    claim.check(status.rollouts.decided < 20, 'nothing left to do');
    process.stderr.write(`restart ${index + 1}, ${status.rollouts.decided} decided\n`);
    await killer.endComponent('server');
  }
  await restarted.finished(RUN_SECONDS);
});
const view = await restarted.view();
for (const difference of [...miscounts(view), ...decidedOtherwise(expected, view)])
  claim.check(false, difference);
for (const { row, attempts } of view.rollouts) {
  const all = attempts.map(({ close }) => `${close?.class} ${close?.reason}`);
  claim.check(attempts.length === 1, `${row.id}: ${all.join(', ')}`);
}
claim.finish(
  `${restarts} restarts of the server during ${view.rollouts.length} rollouts of pi: ${view.object.status.attempts} attempts, none lost, decided as undisturbed; ${Math.round(seconds)} s`,
);
