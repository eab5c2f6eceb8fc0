import { homedir } from 'node:os';
import { errorMessage } from '../src/base/error.ts';
import { jsonLogger } from '../src/base/json-logger.ts';
import { PRODUCT } from '../src/base/product.ts';
import { type BeforeSend, OperatorClient } from '../src/protocol/operator-client.ts';
import { readConfig, usage } from './config.ts';
import { findKubeConfig } from './kube/client/load-kube-config.ts';
import { runOperator } from './run-operator.ts';

/** Exit codes: 0 stopped by a signal, 1 failed or lost its lease, 2 wrong flags. */
async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    process.stdout.write(usage());
    return 0;
  }
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
  let config: ReturnType<typeof readConfig>;
  try {
    config = readConfig(process.argv.slice(2));
  } catch (thrown) {
    process.stderr.write(`clawgym-operator: ${errorMessage(thrown)}\n`);
    return 2;
  }
  const logger = jsonLogger({
    write: (line) => process.stdout.write(line),
    level: config.logLevel,
    now: Date.now,
  });
  try {
    const cluster = findKubeConfig({ env: process.env, homeDirectory: homedir() });
    const server = (fence: BeforeSend | undefined) =>
      new OperatorClient({ ...config.server, beforeSend: fence });
    const parts = { config, cluster, server, logger, version: PRODUCT.version };
    const { exitCode } = await runOperator(parts, stop.signal);
    return exitCode;
  } catch (error) {
    logger.error({ error }, 'the operator cannot run');
    return 1;
  }
}

const exitCode = await main();
// Whatever still waits in the pipe of stdout goes first; a run that ignores its abort goes with us.
process.stdout.write('', () => process.exit(exitCode));
