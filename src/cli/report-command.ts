import { asBatchId, asSha256, parseJson } from '../base/brand.ts';
import { systemClock } from '../base/clock.ts';
import { ClawError } from '../base/error.ts';
import { type Results, zResults } from '../bench/results.ts';
import { textSummary } from '../bench/text-summary.ts';
import { writeResults } from '../bench/write-output.ts';
import type { RecordReader } from '../store/record-reader.ts';
import type { RolloutRow } from '../store/records.ts';
import type { ClusterFlags } from './cluster/cluster-flags.ts';
import { type BenchRunObject, benchRuns } from './cluster/cluster-kinds.ts';
import { type ClusterSession, openCluster } from './cluster/cluster-session.ts';
import { cliEnvironment } from './environment.ts';
import type { OutputFormat } from './output-format.ts';
import { stopSignal } from './stop-signal.ts';

export interface ReportOptions extends ClusterFlags {
  readonly out: string;
  readonly wait?: boolean | undefined;
  readonly output: OutputFormat;
}

const POLL_MS = 2000;
const ENDS: readonly string[] = ['Complete', 'Failed'];

/** `clawgym report BENCHRUN --out DIR`: results, rows and report of a bench in a cluster. */
export async function reportCommand(name: string, options: ReportOptions): Promise<void> {
  using stop = stopSignal(() => undefined);
  const { signal } = stop;
  await using cluster = await openCluster(options, cliEnvironment(), signal);
  const digest = await resultsDigest(cluster, name, options, signal);
  const reader = await cluster.reader();
  const text = Buffer.from(await reader.read(asSha256(digest))).toString('utf8');
  const results = zResults.parse(parseJson(text));
  const rows = await rowsOf(reader, results);
  const { report } = await writeResults(options.out, results, rows);
  process.stdout.write(
    options.output === 'json'
      ? `${JSON.stringify(results, null, 2)}\n`
      : `${textSummary(results, report)}\n`,
  );
}

/** Digest of the results, which are there once every rollout is decided; waits for them if told to. */
async function resultsDigest(
  { client, namespace }: ClusterSession,
  name: string,
  { wait = false }: ReportOptions,
  signal: AbortSignal,
): Promise<string> {
  let shown = '';
  for (;;) {
    const bench = await client.for(benchRuns).get({ namespace, name }, { signal });
    const digest = bench.status?.results?.digest;
    if (digest !== undefined) return digest;
    const end = endOf(bench);
    if (end !== undefined || !wait) throw notReady(bench, end);
    const progress = bench.status?.progress ?? 'not planned yet';
    if (progress !== shown) process.stderr.write(`benchrun ${name}: ${progress}\n`);
    shown = progress;
    await systemClock.sleep(POLL_MS, signal);
  }
}

function endOf(bench: BenchRunObject): string | undefined {
  const end = bench.status?.conditions?.find(
    ({ type, status }) => ENDS.includes(type) && status === 'True',
  );
  return end && `${end.type} (${end.reason ?? ''}): ${end.message ?? ''}`;
}

function notReady({ metadata, status }: BenchRunObject, end: string | undefined): ClawError {
  const { name, namespace } = metadata;
  const what =
    end ?? `${status?.progress ?? 'no'} rollouts are decided; wait for the rest with --wait`;
  return new ClawError('NotFound', `BenchRun ${namespace}/${name} has no results: ${what}`);
}

/** Rows of the rollouts that the results name, with their checks. */
async function rowsOf(reader: RecordReader, results: Results): Promise<readonly RolloutRow[]> {
  const rollouts = results.arms.flatMap(({ tasks }) =>
    tasks.flatMap(({ attempts }) => attempts.map(({ rollout }) => rollout)),
  );
  const batches = new Set(rollouts.map((id) => id.split('/')[0] ?? ''));
  const rows: RolloutRow[] = [];
  for (const batch of batches) rows.push(...(await reader.listRollouts(asBatchId(batch))));
  return rows;
}
