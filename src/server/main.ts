import { homedir } from 'node:os';
import { findKubeConfig } from '../../operator/kube/client/load-kube-config.ts';
import { errorMessage } from '../base/error.ts';
import { type JsonLogger, jsonLogger } from '../base/json-logger.ts';
import { keySource } from './kube/key-source.ts';
import { KubePodReader } from './kube/pod-reader.ts';
import { reviewSource } from './kube/reviews.ts';
import { KubeKeptSecret, KubeSecretReader } from './kube/secrets.ts';
import { openClusterAccess } from './process/cluster-access.ts';
import { readServerConfig, type ServerConfig, serverUsage } from './process/config.ts';
import { runServer } from './process/run-server.ts';
import { serverMetrics } from './process/server-metrics.ts';
import { storeUsed } from './process/store-room.ts';

const ALL_ADDRESSES = '::';
/** Listeners that do not close in this time are left behind. */
const STOP_SECONDS = 50;

/** Exit codes: 0 stopped by a signal, 1 failed, 2 wrong flags. */
async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    process.stdout.write(serverUsage());
    return 0;
  }
  let config: ServerConfig;
  try {
    config = readServerConfig(process.argv.slice(2));
  } catch (thrown) {
    process.stderr.write(`clawgym-server: ${errorMessage(thrown)}\n`);
    return 2;
  }
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      stop.abort();
      setTimeout(() => process.exit(1), STOP_SECONDS * 1000).unref();
    });
  }
  const logger = jsonLogger({
    write: (line) => process.stdout.write(line),
    level: config.logLevel,
    now: Date.now,
  });
  try {
    await serve(config, logger, stop.signal);
    return 0;
  } catch (error) {
    logger.error({ error }, 'the server cannot run');
    return 1;
  }
}

async function serve(config: ServerConfig, logger: JsonLogger, signal: AbortSignal): Promise<void> {
  const metrics = serverMetrics(() => storeUsed(config.dataDir));
  const source = findKubeConfig({ env: process.env, homeDirectory: homedir() });
  await using cluster = openClusterAccess(source, metrics.registry, logger);
  const { client, transport } = cluster;
  const { namespace } = config;
  const secretNamed = (name: string) => new KubeKeptSecret(client, { namespace, name });
  await runServer(
    {
      config,
      surroundings: {
        keys: keySource(transport),
        reviews: reviewSource(transport, signal),
        pods: new KubePodReader(client, signal),
        secrets: new KubeSecretReader(client, signal),
        certificateSecret: secretNamed(config.certificateSecret),
        userTokenSecret: secretNamed(config.userTokenSecret),
        caSecret: secretNamed(config.caSecret),
      },
      metrics,
      logger,
      host: ALL_ADDRESSES,
      serving: (ports) => logger.info({ ...ports }, 'the server serves'),
    },
    signal,
  );
}

const exitCode = await main();
// Whatever still waits in the pipe of stdout goes first.
process.stdout.write('', () => process.exit(exitCode));
