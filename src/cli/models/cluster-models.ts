import type { Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { QueryClient } from '../../server/query/query-client.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { KnownModel } from '../../training/model-records.ts';
import { type ClusterFlags, namesCluster } from '../cluster/cluster-flags.ts';
import { openCluster } from '../cluster/cluster-session.ts';
import { cliEnvironment } from '../environment.ts';
import { modelsInWork } from '../run-outputs/find-in-work.ts';
import { stopSignal } from '../stop-signal.ts';

export interface ModelsSource extends ClusterFlags {
  /** Folder with the outputs of local runs. */
  readonly out: string;
}

/** A model and where its bytes are. */
export interface PlacedModel extends KnownModel {
  readonly artifacts: Pick<ArtifactStore, 'read' | 'size' | 'stream'>;
}

/** Calls `use` with the server of the cluster that the flags name. */
export async function withServer<T>(
  flags: ClusterFlags,
  use: (server: QueryClient) => Promise<T>,
): Promise<T> {
  using stop = stopSignal(() => undefined);
  await using cluster = await openCluster(flags, cliEnvironment(), stop.signal);
  return await use(await cluster.reader());
}

/** The models of a work folder, or of the cluster where the flags name one. */
export async function withModels<T>(
  source: ModelsSource,
  use: (models: readonly PlacedModel[], place: string) => Promise<T>,
): Promise<T> {
  if (!namesCluster(source)) return await use(await modelsInWork(source.out), source.out);
  return await withServer(source, async (server) => {
    const models = await server.listModels();
    return await use(
      models.map((model) => ({ ...model, artifacts: server })),
      'the cluster',
    );
  });
}

/** The one model that is meant: a digest, the start of one, or the name of what made it. */
export function oneModel(
  models: readonly PlacedModel[],
  wanted: string,
  place: string,
): { readonly digest: Sha256; readonly artifacts: PlacedModel['artifacts'] } {
  const text = wanted.replace(/^sha256:/, '');
  const found = models.filter(
    ({ digest, from: { kind, name } }) =>
      (text.length >= 6 && digest.startsWith(text)) ||
      (kind === 'run' && (name === wanted || name.endsWith(`/${wanted}`))),
  );
  const [first] = found;
  const digests = new Set(found.map(({ digest }) => digest));
  if (first !== undefined && digests.size === 1) return first;
  const there = models.map(({ digest, from }) => `${digest.slice(0, 12)} (${from.name})`);
  const what = first === undefined ? 'is no model' : 'fits more than one model';
  throw new ClawError(
    first === undefined ? 'NotFound' : 'InvalidInput',
    `${JSON.stringify(wanted)} ${what} of ${place}; there ${there.length === 0 ? 'is none yet' : `are: ${there.join(', ')}`}`,
  );
}
