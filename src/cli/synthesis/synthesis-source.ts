import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { KnownSynthesis } from '../../protocol/query-api.ts';
import type { QueryClient } from '../../server/query/query-client.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { SynthesisCallRow, SynthesisRecordRow } from '../../store/synthesis-records.ts';
import { readRecord } from '../../synthesis/record.ts';
import { type RecordOverview, recordOverview } from '../../synthesis/record-overview.ts';
import { type ClusterFlags, namesCluster } from '../cluster/cluster-flags.ts';
import type { CliEnvironment } from '../environment.ts';
import { storeDir } from '../local-session.ts';
import { deletedObjects, findNamed, type NamedObject } from '../named-objects.ts';
import { openWorkFolder, type WorkReader } from '../run-outputs/work-store.ts';
import { acceptedTasksPath } from './output-files.ts';

export interface SynthesisFlags extends ClusterFlags {
  /** Output folder of a local SynthesisJob, or a folder with several. */
  readonly out?: string | undefined;
}

/** What became of one SynthesisJob, wherever it is kept. */
export interface SynthesisSource extends AsyncDisposable {
  readonly job: NamedObject;
  /** Flags that name the same place again, for messages; begins with a space where there are any. */
  readonly flags: string;
  overviews(): Promise<readonly RecordOverview[]>;
  record(number: number): Promise<SynthesisRecordRow | undefined>;
  calls(number: number): Promise<readonly SynthesisCallRow[]>;
  tasks(): Promise<AcceptedTasks>;
}

/** Where the accepted tasks are; `none`: why there are none, with what to do. */
export type AcceptedTasks =
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'artifact';
      readonly digest: Sha256;
      readonly artifacts: Pick<ArtifactStore, 'stream'>;
    }
  | { readonly kind: 'none'; readonly why: string };

/** Where runs of a manifest write when they are told nothing else: a folder a name. */
const DEFAULT_OUT = './out';

/**
 * The job that is meant: of an output folder with `out`, of a cluster with a flag of kubectl; with neither that
 * of ./out/NAME where that is there, else of the current cluster. Throws `NotFound` with what is there.
 */
export async function openSynthesisSource(
  wanted: string,
  flags: SynthesisFlags,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<SynthesisSource> {
  if (flags.out !== undefined && namesCluster(flags)) {
    throw new ClawError(
      'InvalidInput',
      'the folder is one of this machine, the other flags name a cluster: give one of them',
    );
  }
  if (flags.out !== undefined) return await openLocal(wanted, flags.out, ` --out ${flags.out}`);
  const own = join(DEFAULT_OUT, wanted);
  if (!namesCluster(flags) && existsSync(storeDir(own))) return await openLocal(wanted, own, '');
  return await openInCluster(wanted, flags, environment, signal);
}

async function openLocal(wanted: string, out: string, flags: string): Promise<SynthesisSource> {
  await using open = new AsyncDisposableStack();
  const { stores } = open.use(await openWorkFolder(out));
  const placed: (NamedObject & { readonly store: WorkReader })[] = [];
  for (const store of stores) {
    for (const { id } of await store.records.listSyntheses()) placed.push({ id, name: id, store });
  }
  if (placed.length === 0) {
    throw new ClawError(
      'NotFound',
      `${out} holds no SynthesisJob: name the output folder of one (clawgym run -f FILE makes ./out/NAME), or a cluster with --namespace`,
    );
  }
  const job = await findNamed({ live: placed, deleted: async () => [] }, wanted, 'SynthesisJob');
  const { store } = job;
  const owned = open.move();
  const { records } = store;
  return {
    ...{ job, flags },
    overviews: async () =>
      (await records.listSynthesisRecords(job.id)).map((row) => recordOverview(readRecord(row))),
    record: (number) => records.getSynthesisRecord(job.id, number),
    calls: (number) => records.listRecordCalls(job.id, number),
    tasks: async () => localTasks(store.out, job.name),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function localTasks(out: string, name: string): AcceptedTasks {
  const path = acceptedTasksPath(out);
  if (existsSync(path)) return { kind: 'file', path };
  const why = `SynthesisJob ${name} has no task set in ${out}: it is written when the job ends with accepted tasks; run the same command again to continue it, or see why records were rejected: clawgym synthesis records ${name} --rejected --out ${out}`;
  return { kind: 'none', why };
}

async function openInCluster(
  wanted: string,
  flags: ClusterFlags,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<SynthesisSource> {
  const { openCluster } = await import('../cluster/cluster-session.ts');
  const { synthesisJobs } = await import('../cluster/cluster-kinds.ts');
  await using open = new AsyncDisposableStack();
  const cluster = open.use(await openCluster(flags, environment, signal));
  const { client, namespace } = cluster;
  const { items } = await client.for(synthesisJobs).list({ namespace }, { signal });
  const live = items.flatMap(({ metadata: { name, uid } }) =>
    uid === undefined ? [] : [{ id: uid, name }],
  );
  const reader = await cluster.reader();
  const deleted = async () => deletedObjects(await reader.listSyntheses(), { namespace, live });
  const job = await findNamed({ live, deleted }, wanted, 'SynthesisJob');
  const owned = open.move();
  const again = ` --namespace ${namespace}`;
  return {
    ...{ job, flags: again },
    ...clusterReads(reader, job, namespace),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

type ClusterReader = Pick<
  QueryClient,
  'getSynthesis' | 'listRecordOverviews' | 'getSynthesisRecord' | 'listRecordCalls' | 'stream'
>;

/** What the server of a cluster keeps of a job. Exported for its tests. */
export function clusterReads(
  reader: ClusterReader,
  { id, name }: NamedObject,
  namespace: string,
): Pick<SynthesisSource, 'overviews' | 'record' | 'calls' | 'tasks'> {
  const known = async (): Promise<KnownSynthesis> => {
    const found = await reader.getSynthesis(id);
    if (found !== undefined) return found;
    const hint = `what it waits for: kubectl describe synthesisjob ${name} --namespace ${namespace}`;
    throw new ClawError('NotFound', `SynthesisJob ${name} is not planned yet; ${hint}`);
  };
  return {
    overviews: async () => {
      await known();
      return await reader.listRecordOverviews(id);
    },
    record: async (number) => {
      await known();
      return await reader.getSynthesisRecord(id, number);
    },
    calls: (number) => reader.listRecordCalls(id, number),
    tasks: async () => {
      const { taskSet, ended } = await known();
      if (taskSet !== undefined) return { kind: 'artifact', digest: taskSet, artifacts: reader };
      const why = ended
        ? `SynthesisJob ${name} ended without an accepted task; why: clawgym synthesis records ${name} --rejected --namespace ${namespace}`
        : `SynthesisJob ${name} has not ended, and its task set is made at its end; wait for it: kubectl wait synthesisjob/${name} --for=condition=Complete --timeout=-1s --namespace ${namespace}`;
      return { kind: 'none', why };
    },
  };
}
