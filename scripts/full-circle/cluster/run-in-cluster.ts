import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asSha256 } from '../../../src/base/brand.ts';
import { table } from '../../../src/base/table.ts';
import type { ClusterSession } from '../../../src/cli/cluster/cluster-session.ts';
import { findServer } from '../../../src/cli/cluster/find-server.ts';
import type { QueryClient } from '../../../src/server/query/query-client.ts';
import { importModel } from '../../../src/training/model-artifact.ts';
import { BASE_SEED, makeBase } from '../base-model.ts';
import { type CircleSettings, writeCircle } from '../circle-manifests.ts';
import { type Lineage, walkLineage } from '../lineage.ts';
import { LineageStores } from '../lineage-stores.ts';
import {
  type ArmScore,
  type CircleName,
  type CircleObject,
  find,
  namesIn,
} from './circle-objects.ts';
import { needRuntimes, runnerImage } from './installed.ts';
import type { Kubectl } from './kubectl.ts';
import { MODELS, modelObjects } from './model-objects.ts';
import { runtimeObjects } from './runtimes.ts';
import { serverSource } from './server-source.ts';
import { watchCircle } from './watch-circle.ts';

export interface ClusterCircleOptions {
  readonly kubectl: Kubectl;
  readonly session: Pick<ClusterSession, 'client' | 'namespace' | 'reader'>;
  /** Absent: that of the runs, else the only one of the cluster. */
  readonly serverNamespace?: string | undefined;
  /** Folder of the base model and of the manifests as they are applied. */
  readonly work: string;
  /** Added to every seed of the manifests; 0 applies them as they are. */
  readonly seed: number;
  /** Given: TrainingRuntimes are made with it; absent: those of the cluster are used. */
  readonly trainerImage?: string | undefined;
  readonly sizes?: CircleSettings['sizes'];
  readonly change?: CircleSettings['change'];
  /** Told of every look at the objects. */
  readonly looked?: (objects: readonly CircleObject[]) => Promise<void>;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface ClusterCircle {
  /** Folder that was applied. */
  readonly manifests: string;
  readonly names: readonly CircleName[];
  /** By bench, by arm. */
  readonly benches: ReadonlyMap<string, readonly ArmScore[]>;
  readonly lineage: Lineage;
}

const READY = '--timeout=180s';

/**
 * Applies the folder of the full circle to a namespace and waits for its end: base model, scripted models and
 * runtimes first, then every object at once, which wait for each other. Called again it goes on: what is
 * there is left as it is. Throws where an object has failed.
 */
export async function runInCluster(options: ClusterCircleOptions): Promise<ClusterCircle> {
  const { kubectl, session, work, seed, sizes, change, print, looked, signal } = options;
  await mkdir(work, { recursive: true });
  await prepare(options);
  const server = await session.reader();
  const base = await importBase(options, server);
  print(`base model ${base.slice(0, 12)}`);
  const manifests = join(work, 'manifests');
  await writeCircle(manifests, { seed, base, ...(sizes && { sizes }), ...(change && { change }) });
  print(`kubectl apply --filename ${manifests}`);
  for (const line of (await kubectl(['apply', '--filename', manifests])).trim().split('\n')) {
    print(line);
  }
  const names = await namesIn(manifests);
  const objects = await watchCircle({ kubectl, names, print, looked, signal });
  const benches = benchScores(objects, names);
  for (const [name, arms] of benches) print(`\nBenchRun ${name}\n${scoreTable(arms).trimEnd()}`);
  const lineage = await lineageOf(objects, names, server);
  print(`\n${[...lineage.lines, ...lineage.problems].join('\n')}`);
  return { manifests, names, benches, lineage };
}

/** What the objects name beside each other. */
async function prepare(options: ClusterCircleOptions): Promise<void> {
  const { kubectl, session, serverNamespace, trainerImage, signal } = options;
  const { client, namespace } = session;
  if (trainerImage !== undefined) {
    await apply(kubectl, runtimeObjects({ image: trainerImage }));
  }
  await needRuntimes(kubectl, namespace);
  const place = await findServer(client, { namespace, serverNamespace }, signal);
  const image = await runnerImage(kubectl, place.namespace);
  await apply(kubectl, await modelObjects(namespace, image));
  await kubectl(['rollout', 'status', READY, `deployment/${MODELS}`]);
}

async function apply(kubectl: Kubectl, objects: object): Promise<void> {
  await kubectl(['apply', '--filename', '-'], JSON.stringify(objects));
}

/** Digest of the base model as the server keeps it. */
async function importBase(
  { work, seed, signal }: ClusterCircleOptions,
  server: QueryClient,
): Promise<string> {
  const folder = join(work, 'base-files');
  await makeBase(folder, BASE_SEED + seed, signal);
  const { digest } = await importModel(folder, { versions: {}, parents: [] }, server);
  await server.importModel({ digest, source: 'full circle' });
  return digest;
}

function benchScores(
  objects: readonly CircleObject[],
  names: readonly CircleName[],
): ReadonlyMap<string, readonly ArmScore[]> {
  const benches = names.filter(({ kind }) => kind === 'BenchRun');
  return new Map(
    benches.map((bench) => [bench.name, find(objects, bench)?.status.arms ?? []] as const),
  );
}

function scoreTable(arms: readonly ArmScore[]): string {
  const rows = arms.map(({ name, score = '-', scoreLow, scoreHigh, coverage, outcomes }) => [
    name,
    score,
    scoreLow === undefined ? '-' : `${scoreLow} - ${scoreHigh ?? ''}`,
    coverage ?? '-',
    outcomes.map(({ outcome, count }) => `${outcome} ${count}`).join(', '),
  ]);
  return table(['ARM', 'SCORE', '95% INTERVAL', 'COVERAGE', 'OUTCOMES'], rows);
}

/** Of the model of the last TrainingRun. */
async function lineageOf(
  objects: readonly CircleObject[],
  names: readonly CircleName[],
  server: QueryClient,
): Promise<Lineage> {
  const last = names.findLast(({ kind }) => kind === 'TrainingRun');
  const digest = last && find(objects, last)?.status.model?.digest;
  if (digest === undefined) return { lines: [], problems: ['no TrainingRun has a model'] };
  const batches = objects.filter(({ kind }) => kind === 'RolloutBatch');
  const uids = new Set(batches.map(({ metadata }) => metadata.uid));
  return await walkLineage(new LineageStores([serverSource(server, uids)]), asSha256(digest));
}
