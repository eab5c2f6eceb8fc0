import { parseArgs } from 'node:util';
import { waitUntil } from '../test/cluster/wait-until.ts';
import { seededRandom } from '../test/support/fault-proxy/rules.ts';
import { drawKills, Killer } from '../test/support/kills.ts';
import {
  decidedOtherwise,
  lastingObjects,
  miscounts,
  sandboxObjects,
  WatchedBatch,
} from './support/batch-view.ts';
import { Claim } from './support/claim.ts';
import { timed } from './support/cluster.ts';
import { openPiBed, type PiBed, piBatch } from './support/pi-bed.ts';

/**
 * Claim operator/15: pi on the example tasks while parts of the cluster are killed at random, one
 * after the other, spread over the batch. Every rollout is decided as undisturbed, counts and records
 * agree, attempts that were lost are disruptions and nothing is left behind.
 *
 * `--kills 10 --seed 7`; the same seed draws the same kills.
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    samples: { type: 'string', default: '3' },
  },
});
const RUN_SECONDS = 900;
const GONE_SECONDS = 180;
const PARALLELISM = 4;
const random = seededRandom(Number(values.seed));
const kills = drawKills(Number(values.kills), random);

const claim = new Claim();
const say = (line: string): void => void process.stderr.write(`${line}\n`);

await using bed = await openPiBed('kills');
const create = async (name: string, samples: number): Promise<WatchedBatch> => {
  const manifest = piBatch(name, { samples, parallelism: PARALLELISM });
  await bed.installation.kubectl(['create', '--filename', '-'], manifest);
  return new WatchedBatch(bed, name);
};
// One sample of each task is enough: the recording answers all of them alike.
const calm = await create('calm', 1);
await calm.finished(RUN_SECONDS);
await nothingLeft(bed);
const expected = await calm.view();
const lasting = await lastingObjects(bed);
say(`kills: ${kills.join(', ')}`);

const stormy = await create('stormy', Number(values.samples));
const [seconds] = await timed(async () => {
  const killer = new Killer(bed, random);
  for (const [index, kill] of kills.entries()) {
    const { rollouts } = (await stormy.object()).status;
    await stormy.decided(Math.floor((rollouts.planned / (kills.length + 1)) * index), RUN_SECONDS);
    const { status } = await stormy.object();
    const left = status.rollouts.planned - status.rollouts.decided;
    claim.check(index === 0 || left > 0, `kill ${index + 1} (${kill}) came when all was decided`);
    say(`kill ${index + 1}, ${left} undecided: ${kill}`);
    await killer.kill(kill);
  }
  await stormy.finished(RUN_SECONDS);
});
await nothingLeft(bed);
const got = await stormy.view();
for (const difference of [...miscounts(expected), ...miscounts(got)])
  claim.check(false, difference);
for (const difference of decidedOtherwise(expected, got)) claim.check(false, difference);
const now = await lastingObjects(bed);
claim.check(now === lasting, `the namespace held\n${lasting}and now holds\n${now}`);
await bed.installation.kubectl(['delete', 'rolloutbatch', 'calm', 'stormy']);
await nothingLeft(bed);
const { attempts, disruptions } = got.object.status;
claim.finish(
  `${kills.length} kills (seed ${values.seed}) in a batch of ${got.rollouts.length}: outcomes, scores and checks as undisturbed; ${attempts} attempts, ${disruptions} of them lost to disruptions, none counted twice, nothing left behind; ${Math.round(seconds)} s`,
);

/** Jobs and sandbox pods go when their batch is over. */
async function nothingLeft(where: PiBed): Promise<void> {
  await waitUntil(async () => (await sandboxObjects(where)).length === 0, {
    what: 'no Job and no sandbox pod is left',
    seconds: GONE_SECONDS,
  });
}
