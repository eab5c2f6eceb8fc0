import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { KubeError } from '../../operator/kube/base/kube-error.ts';
import type { BatchId } from '../base/brand.ts';
import { asBatchId } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import { openFileArtifacts } from '../store/file-artifacts.ts';
import type { RecordReader } from '../store/record-reader.ts';
import { openSqliteReader } from '../store/sqlite/open.ts';
import { type ClusterFlags, namesCluster } from './cluster/cluster-flags.ts';
import { deletedBatches } from './deleted-batches.ts';
import type { CliEnvironment } from './environment.ts';
import { storeDir } from './local-session.ts';
import type { NamedObject } from './named-objects.ts';

/** A batch by the name that people know. */
export type NamedBatch = NamedObject<BatchId>;

/** Records and artifacts of runs, wherever they are kept. */
export interface RecordSource extends AsyncDisposable {
  readonly store: RecordReader;
  readonly artifacts: Pick<ArtifactStore, 'read' | 'stream'>;
  readonly batches: readonly NamedBatch[];
  /** Those whose objects are gone, newest first; asked for where no other has the name that is wanted. */
  readonly deleted: () => Promise<readonly NamedBatch[]>;
  /** What lists all rollouts, for messages. */
  readonly listing: string;
}

export interface SourceFlags extends ClusterFlags {
  /** Output folder of a local run. */
  readonly out?: string | undefined;
}

/** Where `clawgym bench` writes when it is told nothing else. */
const DEFAULT_OUT = './out/bench';
const OUT = 'out';

/**
 * The runs that the flags name: those of an output folder with --out, those of a cluster with a flag of
 * kubectl; with neither those of ./out/bench where that is there, else those of the current cluster.
 */
export async function openRecordSource(
  flags: SourceFlags,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<RecordSource> {
  if (flags.out !== undefined && namesCluster(flags)) {
    throw new ClawError(
      'InvalidInput',
      '--out names a folder of this machine, the other flags a cluster: give one of them',
    );
  }
  if (flags.out !== undefined) return await openFolder(flags.out);
  if (!namesCluster(flags) && existsSync(storeDir(DEFAULT_OUT))) return openFolder(DEFAULT_OUT);
  try {
    return await openClusterRecords(flags, environment, signal);
  } catch (thrown) {
    throw namesCluster(flags) ? thrown : withoutRun(thrown);
  }
}

/** Who named neither folder nor cluster, and has no cluster, most likely means a folder. */
function withoutRun(thrown: unknown): unknown {
  if (!(thrown instanceof KubeError) || thrown.code !== 'InvalidConfig') return thrown;
  const [folder] = foldersWithRuns(OUT);
  const hint = folder === undefined ? '--out' : `--out, for example --out ${folder}`;
  return new ClawError(
    'NotFound',
    `${DEFAULT_OUT} holds no run: name the output folder of one with ${hint}; and ${thrown.message}`,
    { cause: thrown },
  );
}

/** Output folders below `parent`, by name. */
function foldersWithRuns(parent: string): readonly string[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .toSorted()
    .map((name) => join(parent, name))
    .filter((folder) => existsSync(storeDir(folder)));
}

async function openFolder(out: string): Promise<RecordSource> {
  const folder = storeDir(out);
  if (!existsSync(folder)) {
    throw new ClawError(
      'NotFound',
      `${out} holds no run: name the output folder of one with --out, or a cluster with --namespace`,
    );
  }
  const store = await openSqliteReader(folder);
  const artifacts = await openFileArtifacts(join(folder, 'artifacts'));
  const batches = (await store.listBatches()).map(({ id }) => ({ id, name: id }));
  return {
    ...{ store, artifacts, batches, deleted: async () => [], listing: 'rollouts.jsonl' },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

async function openClusterRecords(
  flags: ClusterFlags,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<RecordSource> {
  const { openCluster } = await import('./cluster/cluster-session.ts');
  const { rolloutBatches } = await import('./cluster/cluster-kinds.ts');
  await using open = new AsyncDisposableStack();
  const cluster = open.use(await openCluster(flags, environment, signal));
  const { client, namespace } = cluster;
  const { items } = await client.for(rolloutBatches).list({ namespace }, { signal });
  const batches = items.flatMap(({ metadata: { name, uid } }) =>
    uid === undefined ? [] : [{ id: asBatchId(uid), name }],
  );
  const reader = await cluster.reader();
  const owned = open.move();
  return {
    ...{ store: reader, artifacts: reader, batches },
    deleted: async () => deletedBatches(await reader.listBatches(), { namespace, live: batches }),
    listing: `clawgym get rollouts BATCH --namespace ${namespace}`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
