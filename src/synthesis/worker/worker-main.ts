import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { systemClock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import { plainText } from '../../base/plain-text.ts';
import { lineLogger } from '../../phases/pod/line-logger.ts';
import { ListenerConnection } from '../../phases/pod/listener-connection.ts';
import { ENV, EXIT, TRUSTED } from '../../protocol/pod-contract.ts';
import { SYNTHESIS_ROUTES } from '../../protocol/synthesis-api.ts';
import { runWorker } from './run-worker.ts';
import { SynthesisClient } from './synthesis-client.ts';

/**
 * `synthesis.mjs`: the worker of a SynthesisJob in a cluster. Exit codes: 0 every record has ended, 1 the
 * job cannot go on for now (the server has the reason), 43 the server is away, 143 SIGTERM.
 */
const MAX_SOCKETS = 512;
const MAX_MESSAGE = 2000;
/** What is told of a failure must not keep the pod. */
const TELL_SECONDS = 20;

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort(new ClawError('Cancelled', 'SIGTERM')));
const logger = lineLogger((line) => process.stderr.write(line), Date.now);
void main(process.env).then((code) => process.exit(code));

type Env = Readonly<Record<string, string | undefined>>;

async function main(env: Env): Promise<number> {
  try {
    const output = await runWorker({ ...shared(), client: clientOf(env) }, stop.signal);
    logger.info(output, 'every record has ended');
    return 0;
  } catch (thrown) {
    if (stop.signal.aborted) return EXIT.terminated;
    const code = thrown instanceof ClawError ? thrown.code : 'Internal';
    const message = plainText(errorMessage(thrown), MAX_MESSAGE);
    logger.error({ code, error: message }, 'the worker ends');
    if (code === 'ServerUnavailable') return EXIT.wait;
    if (code !== 'Fenced') await tellWhy(env, { code, message });
    return 1;
  }
}

async function tellWhy(env: Env, body: { readonly code: string; readonly message: string }) {
  try {
    const client = clientOf(env, TELL_SECONDS);
    const ask = { method: 'POST', path: SYNTHESIS_ROUTES.failure, body } as const;
    await client.call('the failure', ask, z.unknown(), stop.signal);
  } catch (thrown) {
    logger.warn({ error: errorMessage(thrown) }, 'the server was not told');
  }
}

function clientOf(env: Env, awaySeconds?: number): SynthesisClient {
  const tokenFile = env[ENV.tokenFile] ?? `${TRUSTED.token}/token`;
  return new SynthesisClient({
    ...shared(),
    random: Math.random,
    connection: new ListenerConnection({
      serverUrl: required(env, ENV.serverUrl),
      ca: required(env, ENV.serverCa),
      maxSockets: MAX_SOCKETS,
    }),
    readToken: () => readFile(tokenFile, 'utf8'),
    ...(awaySeconds !== undefined && { awaySeconds }),
  });
}

function shared() {
  return { clock: systemClock, logger };
}

function required(env: Env, name: string): string {
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  throw new ClawError('InvalidInput', `environment variable ${name} is not set`);
}
