import { writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import { plainText } from '../../base/plain-text.ts';
import { aborted, giveUpAfter, giveUpAfterStop } from '../../phases/pod/give-up.ts';
import { lineLogger } from '../../phases/pod/line-logger.ts';
import { ListenerConnection, trustNobodyByDefault } from '../../phases/pod/listener-connection.ts';
import {
  ENV,
  EXIT,
  READY_FILE,
  TRAINING_MOUNTS,
  TRAINING_STATUS_PORT,
} from '../../protocol/pod-contract.ts';
import { forwardedBatches } from '../rl/forwarded-batches.ts';
import { type BatchClientOptions, batchClient } from '../rl/pod/batch-client.ts';
import { batchRoute } from '../rl/pod/batch-route.ts';
import { FETCHED_STEP, fetchInputs } from './fetch-inputs.ts';
import { Reporter } from './reporter.ts';
import { startStatusServer } from './status-server.ts';
import { TrainingClient } from './training-client.ts';

/**
 * The program of the trusted containers of a training pod (docs/reference/training-pods.md):
 * `training.cjs fetch`, before the trainer, and `training.cjs report`, beside it until it has ended. Exit
 * codes of `fetch`: 0 all is there, 43 the server is away (another pod is made), 1 refused, 143 SIGTERM.
 */
const TERMINATION_LOG = '/dev/termination-log';
const MAX_MESSAGE = 3000;
/** A large model on a slow network. */
const FETCH_SECONDS = 6 * 3600;
const DEFAULT_GRACE_SECONDS = 30;

type Env = Readonly<Record<string, string | undefined>>;

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort(new ClawError('Cancelled', 'SIGTERM')));
const logger = lineLogger((line) => process.stderr.write(line), Date.now);
// A sidecar may wait for nothing but SIGTERM, and that alone does not keep Node running.
setInterval(() => undefined, 2 ** 30);
void main(process.argv[2] ?? '', process.env).then((code) => process.exit(code));

async function main(role: string, env: Env): Promise<number> {
  try {
    if (role === 'fetch') await fetchRole(env);
    else if (role === 'report') await reportRole(env);
    else throw new ClawError('InvalidInput', `training ${role}: expected fetch or report`);
    return 0;
  } catch (thrown) {
    const message = plainText(errorMessage(thrown), MAX_MESSAGE);
    const code = thrown instanceof ClawError ? thrown.code : 'Internal';
    logger.error({ code, error: message }, `${role} failed`);
    leave(message);
    if (stop.signal.aborted) return EXIT.terminated;
    return code === 'Timeout' ? EXIT.wait : 1;
  }
}

async function fetchRole(env: Env): Promise<void> {
  using giveUp = giveUpAfter(FETCH_SECONDS, systemClock, stop.signal);
  const context = { client: clientOf(listenerOf(env)), clock: systemClock, logger };
  await fetchInputs({ ...context, folders: TRAINING_MOUNTS }, giveUp.signal);
}

async function reportRole(env: Env): Promise<void> {
  const listener = listenerOf(env);
  const client = clientOf(listener);
  const { out, state } = TRAINING_MOUNTS;
  const fetched = await readFile(join(state, FETCHED_STEP), 'utf8').catch(() => undefined);
  const fetchedStep = fetched === undefined ? undefined : Number(fetched);
  const reporter = new Reporter({ client, out, fetchedStep, clock: systemClock, logger });
  const grace = Number(env[ENV.graceSeconds] ?? DEFAULT_GRACE_SECONDS);
  using giveUp = giveUpAfterStop(stop.signal, grace, systemClock);
  const batches = forwardedBatches({
    server: batchClient({ ...listener, signal: giveUp.signal }),
    out,
    put: (file, size) => client.put(file, size, giveUp.signal),
    inTurn: (work) => reporter.inTurn(work),
    keepCheckpoint: () => reporter.keepCheckpoint(giveUp.signal),
  });
  await using _status = await startStatusServer({
    port: TRAINING_STATUS_PORT,
    told: (progress) => reporter.told(progress),
    routes: [await batchRoute(batches)],
  });
  await writeFile(join(state, READY_FILE), '');
  // Only the first of several nodes writes what is handed in.
  if ((env['NODE_RANK'] ?? '0') !== '0') return await aborted(stop.signal);
  await reporter.run(stop.signal, giveUp.signal);
}

type Listener = Pick<BatchClientOptions, 'connection' | 'readToken'>;

function listenerOf(env: Env): Listener {
  trustNobodyByDefault();
  const connection = new ListenerConnection({
    serverUrl: required(env, ENV.serverUrl),
    ca: required(env, ENV.serverCa),
  });
  const tokenFile = env[ENV.tokenFile] ?? `${TRAINING_MOUNTS.token}/token`;
  return { connection, readToken: () => readFile(tokenFile, 'utf8') };
}

function clientOf(listener: Listener): TrainingClient {
  return new TrainingClient({ ...listener, clock: systemClock, logger, random: Math.random });
}

function leave(message: string): void {
  try {
    writeFileSync(TERMINATION_LOG, message);
  } catch (thrown) {
    logger.error({ error: errorMessage(thrown) }, 'no termination message was left');
  }
}

function required(env: Env, name: string): string {
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  throw new ClawError('InvalidInput', `environment variable ${name} is not set`);
}
