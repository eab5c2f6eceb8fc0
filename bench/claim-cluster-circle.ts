import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CircleBed } from './support/circle-bed.ts';
import { Claim } from './support/claim.ts';
import { timed } from './support/cluster.ts';
import { leftIn, type Placed, SMALL, TINY, tinyText } from './support/small-circle.ts';

/**
 * Claims lifecycle/17 and 18: the folder examples/full-circle in a cluster of two nodes, applied as one. Tasks
 * are made and proved in sandbox pods, trainers run on a node that says it has GPUs and where the runtimes'
 * node selector leads, policy servers answer the benches, and the last model leads back to calls, tasks and
 * seeds. Deleted, the folder leaves nothing. `--reduced`: one task, and models measured on it.
 */
const { values } = parseArgs({ options: { reduced: { type: 'boolean', default: false } } });
const { reduced } = values;
const claim = new Claim();
const work = await mkdtemp(join(tmpdir(), 'clawgym-cluster-circle-'));
try {
  await using bed = await CircleBed.open();
  const [seconds, { names, benches, lineage, manifests }] = await timed(() =>
    bed.run(work, reduced ? { sizes: TINY, change: tinyText } : { sizes: SMALL }),
  );
  for (const problem of lineage.problems) claim.check(false, problem);
  const arms = benches.get('circle') ?? [];
  const score = (name: string) => Number(arms.find((arm) => arm.name === name)?.score);
  const [base, sft, rl] = [score('base'), score('sft'), score('rl')];
  const scores = [base, sft, rl].map((each) => each.toFixed(2)).join(', ');
  claim.check(base < sft, `imitation taught nothing: ${scores}`);
  claim.check(base < rl, `reinforcement lost it all: ${scores}`);
  for (const { name, coverage } of [...benches.values()].flat())
    claim.check(Number(coverage) === 1, `arm ${name} has coverage ${coverage}`);
  checkPlaces('trainer', [...bed.trainers.values()], 1);
  checkPlaces('policy server', [...bed.policies.values()], 0);
  for (const { kind, name } of names.filter((each) => each.kind !== 'SynthesisJob'))
    claim.check(bed.waits.has(`${kind} ${name}`), `${kind} ${name} never said what it waits for`);
  await bed.remove(manifests);
  const left = await leftIn(bed.kubectl);
  claim.check(left.length === 0, `left after the objects were deleted: ${left.join(', ')}`);
  claim.finish(
    `${names.length} objects applied at once, ${Math.round(seconds / 6) / 10} min; base, SFT and RL: ${scores}; ` +
      `${bed.trainers.size} trainer and ${bed.policies.size} policy pods on the node with GPUs; the last model leads back to calls, tasks and seeds; nothing is left`,
  );
} finally {
  await rm(work, { recursive: true, force: true });
}

function checkPlaces(what: string, pods: readonly Placed[], gpus: number): void {
  claim.check(pods.length >= 2, `${pods.length} ${what} pods were seen, expected two or more`);
  for (const { name, node, asked } of pods) {
    claim.check(node === CircleBed.gpuNode, `${what} ${name} ran on ${node}`);
    claim.check(asked === gpus, `${what} ${name} asked for ${asked} GPUs, expected ${gpus}`);
  }
}
