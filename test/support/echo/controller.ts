import { type CacheOptions, createCache } from '../../../operator/kube/cache/informer-cache.ts';
import { WrittenVersions } from '../../../operator/kube/cache/written-versions.ts';
import type { KubeClient } from '../../../operator/kube/client/typed-client.ts';
import {
  Controller,
  type ControllerOptions,
} from '../../../operator/kube/controller/controller.ts';
import { watchObjects, watchOwned } from '../../../operator/kube/controller/controller-sources.ts';
import { DONE, type Reconcile } from '../../../operator/kube/controller/reconcile.ts';
import { childName } from '../../../operator/kube/objects/child-names.ts';
import { setCondition } from '../../../operator/kube/objects/conditions.ts';
import { byControllerUid } from '../../../operator/kube/objects/owner-references.ts';
import { createOwned } from '../../../operator/kube/writes/create-owned.ts';
import { deleteObject } from '../../../operator/kube/writes/delete-object.ts';
import type { EventRecorder } from '../../../operator/kube/writes/event-recorder.ts';
import { addFinalizer, removeFinalizer } from '../../../operator/kube/writes/finalizers.ts';
import { StatusWriter } from '../../../operator/kube/writes/status-writer.ts';
import { type ConfigMap, configMaps, echoes } from './kinds.ts';
import { plan, readiness } from './plan.ts';

const FINALIZER = 'test.example.com/archive';
const fieldManager = 'echo-controller';

export interface EchoParts {
  readonly client: KubeClient;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly namespace: string;
  /** Keeps every text once more: where owner references, and so garbage collection, do not reach. */
  readonly archiveNamespace: string;
  readonly caching: Pick<CacheOptions<ConfigMap>, 'clock' | 'random' | 'logger' | 'numbers'>;
  readonly controlling: Pick<ControllerOptions, 'clock' | 'logger' | 'workers' | 'metrics'>;
  readonly minIntervalMs?: number;
}

/** The caches and the controller of Echo objects; run all of them. */
export function echoController(parts: EchoParts) {
  const { caching, controlling, minIntervalMs = 1000, namespace, recorder } = parts;
  const { clock } = controlling;
  const echoClient = parts.client.for(echoes);
  const mapClient = parts.client.for(configMaps);
  const echoCache = createCache({ client: echoClient, selection: { namespace }, ...caching });
  const selection = { labelSelector: 'app=echo' };
  const indexes = { owner: byControllerUid };
  const mapCache = createCache({ client: mapClient, selection, indexes, ...caching });

  const written = new WrittenVersions(echoCache);
  const writtenMaps = new WrittenVersions(mapCache);
  const common = { client: echoClient, fieldManager, clock, minIntervalMs };
  const status = new StatusWriter({ ...common, recorder, written });

  const reconcile: Reconcile = async (key, { signal }) => {
    const echo = echoCache.get(key);
    if (echo === undefined) return DONE;
    const call = { signal, fieldManager };
    const data = { text: echo.spec.text };
    const place = { name: childName(echo.metadata, 'archive'), namespace: parts.archiveNamespace };
    const archive = { metadata: { ...place, labels: { app: 'echo' } }, data };

    if (echo.metadata.deletionTimestamp !== undefined) {
      await deleteObject(mapClient, archive, call);
      await removeFinalizer(echoClient, echo, FINALIZER, call);
      return DONE;
    }

    const held = await addFinalizer(echoClient, echo, FINALIZER, call);
    written.record(key, held);
    if (mapCache.get(place)?.data?.['text'] !== data.text)
      writtenMaps.record(key, await mapClient.apply(archive, { ...call, force: true }));

    const work = plan(echo, mapCache.byIndex('owner', echo.metadata.uid ?? ''));
    for (const map of work.create)
      writtenMaps.record(key, await createOwned(mapClient, map, echo, call));
    for (const map of work.change)
      writtenMaps.record(key, await mapClient.apply({ ...map }, { ...call, force: true }));
    for (const map of work.remove) await deleteObject(mapClient, map, call);

    const ready = readiness(echo, work);
    const conditions = setCondition(echo.status?.conditions, ready, clock.now());
    const note = { regarding: echo, reason: ready.reason, action: 'Echo', note: ready.message };
    const write = await status.write(held, { ready: work.ready, conditions }, signal, [note]);
    return write.kind === 'postponed' ? { requeueAfterMs: write.waitMs } : DONE;
  };

  const controller = new Controller({
    name: 'echo',
    reconcile,
    sources: [watchObjects('echoes', echoCache), watchOwned('copies', mapCache, echoes)],
    readGates: [written, writtenMaps],
    ...controlling,
  });
  return { caches: [echoCache, mapCache], controller };
}
