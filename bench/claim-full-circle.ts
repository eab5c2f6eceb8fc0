import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { circleLineage } from '../scripts/full-circle/lineage.ts';
import { runCircle } from '../scripts/full-circle/run-circle.ts';
import { Claim } from './support/claim.ts';
import { readResults } from './support/clawgym.ts';
import { SMALL } from './support/small-circle.ts';

/**
 * Claims lifecycle/14 and 15: the manifests of examples/full-circle run in one command on this machine, for
 * each seed. On tasks that no model was trained on the untrained base scores less than the model of
 * imitation, and that less than the model of reinforcement, which reaches 0.7; every model leads back to
 * rollouts, attempts, calls, tasks and their personas or skills. `--reduced`: one small circle, in which
 * both trained models must be above the base.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    reduced: { type: 'boolean', default: false },
  },
});
const LIMIT_MINUTES = values.reduced ? 4 : 20;
const GOAL = 0.7;

const claim = new Claim();
const figures: string[] = [];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function circle(seed: number): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'clawgym-circle-'));
  const began = performance.now();
  try {
    const code = await runCircle({
      ...{ work, seed, port: await freePort(), signal: new AbortController().signal },
      ...(values.reduced && { sizes: SMALL }),
    });
    const minutes = (performance.now() - began) / 60_000;
    claim.check(code === 0, `seed ${seed}: the command ended with ${code}`);
    if (code !== 0) return;
    const { arms } = await readResults(join(work, 'circle'));
    const score = (name: string) => arms.find((arm) => arm.name === name)?.mean.final ?? Number.NaN;
    const [base, sft, rl] = [score('base'), score('sft'), score('rl')];
    const said = `${[base, sft, rl].map((each) => each.toFixed(2)).join(', ')} in ${minutes.toFixed(1)} min`;
    figures.push(said);
    claim.check(minutes <= LIMIT_MINUTES, `seed ${seed}: ${said}`);
    claim.check(base < sft, `seed ${seed}: imitation taught nothing: ${said}`);
    if (values.reduced) claim.check(base < rl, `seed ${seed}: reinforcement lost it all: ${said}`);
    else claim.check(sft < rl && rl >= GOAL, `seed ${seed}: ${said}`);
    const { lines, problems } = await circleLineage(work, 'rl');
    process.stdout.write(`${lines.join('\n')}\n`);
    for (const problem of problems) claim.check(false, `seed ${seed}: ${problem}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

for (let seed = 0; seed < (values.reduced ? 1 : Number(values.seeds)); seed += 1) {
  await circle(seed);
}
claim.finish(
  `base, SFT and RL on unseen tasks: ${figures.join('; ')}; every model leads back to calls, tasks and seeds`,
);
