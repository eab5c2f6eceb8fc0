import { silentLogger } from '../../src/base/logger.ts';
import { clusterEnvironment } from '../cluster/cluster-environment.ts';
import { zLayerName } from '../cluster/layer.ts';
import { startLayer } from '../cluster/layers.ts';

/**
 * A process that owns a cluster until it is killed: `node cluster-owner.ts LAYER` prints the cluster's
 * record as one line of JSON when it is ready.
 */
const { cacheDir, env, uid } = clusterEnvironment();
const { signal } = new AbortController();
const layer = zLayerName.parse(process.argv[2]);
const environment = { cacheDir, env, uid, logger: silentLogger, signal };
const owned = await startLayer(layer, {}, environment);
process.stdout.write(`${JSON.stringify(owned.cluster.record)}\n`);
setInterval(() => undefined, 60_000);
