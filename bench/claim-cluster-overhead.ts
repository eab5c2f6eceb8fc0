import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { load } from 'js-yaml';
import { z } from 'zod';
import { isRecord, parseJson } from '../src/base/brand.ts';
import { median } from '../src/base/statistics.ts';
import { clusterEnvironment } from '../test/cluster/cluster-environment.ts';
import { NodeLayer } from '../test/cluster/node/node-layer.ts';
import { ensureImages } from '../test/support/images.ts';
import { Installation } from '../test/support/installation.ts';
import { Claim } from './support/claim.ts';
import { claimLayer } from './support/cluster.ts';
import { type RecordedClaims, recordClaims } from './support/overhead/claim-tape.ts';
import { OverheadBed } from './support/overhead/overhead-bed.ts';
import { type BatchRecords, readRecords } from './support/overhead/records.ts';
import { figuresTable } from './support/overhead/run-figures.ts';

/**
 * Claim operator/3: what the product costs beside the Kubernetes that it needs. Batches of `nop` take
 * turns with two bare Indexed Jobs of the very same pods, rollouts and then verifications, whose
 * programs work from a ConfigMap. Each pair is another example task, so that all pods have one shape.
 *
 * `--rollouts 12 --parallelism 4 --pairs 1` for a trial.
 */
const { values } = parseArgs({
  options: {
    rollouts: { type: 'string', default: '60' },
    parallelism: { type: 'string', default: '8' },
    pairs: { type: 'string', default: '3' },
  },
});
const MAX_RATIO = 1.15;
const WARM_UP = { rollouts: 4, parallelism: 4 };
/** Their verifiers run no code of the agent, so that a rollout is one verification. */
const TASKS = ['ledger-reconciliation', 'meeting-slot', 'log-triage'];
const SAMPLE = resolve(import.meta.dirname, '../deploy/samples/quickstart/example-tasks.yaml');

const claim = new Claim();
const size = { rollouts: Number(values.rollouts), parallelism: Number(values.parallelism) };
const tasks = (await chosenTasks()).slice(0, Number(values.pairs));
const recorded = await Promise.all(tasks.map(recordClaims));
await using owned = await claimLayer('node');
const { signal } = new AbortController();
await using layer = new NodeLayer(owned.cluster, { env: clusterEnvironment().env, signal });
await ensureImages(layer, ['operator', 'server', 'runner']);
await using installation = await Installation.open(owned.cluster, 'overhead');
await using bed = await OverheadBed.open(layer, installation);
await warmUp();
const ratios: number[] = [];
for (const [index, task] of tasks.entries()) ratios.push(await onePair(index, task));
const ratio = median(ratios) ?? Number.NaN;
claim.check(ratio <= MAX_RATIO, `median ratio ${ratio.toFixed(3)} is above ${MAX_RATIO}`);
claim.finish(
  `median ${ratio.toFixed(2)} x the time of two bare Indexed Jobs (${ratios.map((one) => one.toFixed(2)).join(', ')}): ${size.rollouts} rollouts of nop at parallelism ${size.parallelism}`,
);

async function chosenTasks(): Promise<readonly string[]> {
  const sample = z.object({ data: z.record(z.string(), z.string()) });
  const { data } = sample.parse(load(await readFile(SAMPLE, 'utf8')));
  const lines = Object.values(data).flatMap((text) => text.trimEnd().split('\n'));
  return TASKS.map((id) => {
    const line = lines.find((text) => text.includes(`"task_id":"${id}"`));
    if (line === undefined) throw new Error(`the samples hold no task ${id}`);
    return line;
  });
}

/** The namespaces are prepared and probed, every image and program has been read once. */
async function warmUp(): Promise<void> {
  const [task = '', claims] = [tasks[0], recorded[0]];
  if (claims === undefined) return;
  const { jobs } = await bed.product('warm', task, WARM_UP);
  await bed.prepareBare();
  await bed.bare('warm', claims, jobs, WARM_UP, async () => undefined);
}

/** One product run, one bare run; the ratio of their times. */
async function onePair(index: number, task: string): Promise<number> {
  const claims = recorded[index];
  if (claims === undefined) throw new Error(`no claims of pair ${index}`);
  const name = `pair-${index + 1}`;
  const product = await bed.product(name, task, size);
  const records = await readRecords(installation, product.uid);
  const { name: job = '' } = product.jobs.get('rollout')?.metadata ?? {};
  claim.check(
    job.includes(`-${claims.shape}-`),
    `Job ${job}: its pods have another shape than ${claims.shape}, which the claims are for`,
  );
  const bare = await bed.bare(name, claims, product.jobs, size, async (jobs) => {
    const ends = await bed.printed(jobs.get('rollout') ?? '', 'companion');
    const verdicts = await bed.printed(jobs.get('verify') ?? '', 'report');
    checkSameWork(records, claims, ends, verdicts);
  });
  const spans = new Map([...product.figures.spans, ...records.spans]);
  const lines = figuresTable({ ...product.figures, spans }, bare);
  process.stdout.write(`${name}\n${lines.join('\n')}\n`);
  return product.figures.wall / bare.wall;
}

/** Both sides kept the same workspaces and gave the same verdicts, and neither did anything twice. */
function checkSameWork(
  { rollouts, attempts, kept }: BatchRecords,
  { snapshotBytes }: RecordedClaims,
  ends: readonly string[],
  verdicts: readonly string[],
): void {
  const { rollouts: count } = size;
  const stored = `"size":${snapshotBytes}}}`;
  const bareKept = ends.filter((text) => text.includes(stored)).length;
  const once = [rollouts.length, attempts, kept, bareKept, verdicts.length];
  claim.check(
    once.every((number) => number === count),
    `rollouts, attempts, kept workspaces, those of bare pods, and their verdicts are ${once.join(', ')}, not ${count} each`,
  );
  const scores = new Set(rollouts.map(({ decision }) => decision?.score.flat));
  const bareScores = new Set(verdicts.map(flatOf));
  const [one, other] = [scores, bareScores].map((set) => [...set].join(', '));
  claim.check(one === other && scores.size === 1, `flat scores ${one}, of the bare pods ${other}`);
}

/** Of the verdict that a standalone `report` has printed among its log lines. */
function flatOf(printed: string): unknown {
  for (const line of printed.split('\n').filter((text) => text.startsWith('{"verdict":'))) {
    const told = parseJson(line);
    const body = isRecord(told) && isRecord(told['verdict']) ? told['verdict'] : {};
    const text = body['text'];
    const verdict = typeof text === 'string' ? parseJson(text) : undefined;
    if (isRecord(verdict)) return verdict['flat'];
  }
  return undefined;
}
