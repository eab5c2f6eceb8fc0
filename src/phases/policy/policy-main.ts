import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import {
  ENV,
  EXIT,
  POLICY_ENV,
  POLICY_MOUNTS,
  POLICY_PORT,
  READY_FILE,
} from '../../protocol/pod-contract.ts';
import { giveUpAfter } from '../pod/give-up.ts';
import { lineLogger } from '../pod/line-logger.ts';
import { ListenerConnection } from '../pod/listener-connection.ts';
import { fetchPolicy } from './fetch-policy.ts';
import { localPolicyServer } from './local-policy-server.ts';
import { PolicyClient } from './policy-client.ts';
import { servePolicy } from './serve-policy.ts';

/**
 * `policy.cjs fetch`: puts the model's files and a new key where the policy server finds them. Exit codes:
 * 0, 43 the server is away or wants another version by now, 1 refused.
 * `policy.cjs serve`: tells the server what answers, and brings newer versions, until SIGTERM ends it with 0.
 */
const FETCH_SECONDS = 3000;
const KEY_FILE = join(POLICY_MOUNTS.key, 'key');

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort(new ClawError('Cancelled', 'SIGTERM')));
const logger = lineLogger((line) => process.stderr.write(line), Date.now);
void main(process.argv[2] ?? '', process.env).then((code) => process.exit(code));

type Env = Readonly<Record<string, string | undefined>>;

async function main(role: string, env: Env): Promise<number> {
  try {
    if (role === 'fetch') return await fetchFirst(env);
    if (role === 'serve') return await serve(env);
    throw new ClawError('InvalidInput', `policy.cjs ${role}: expected fetch or serve`);
  } catch (thrown) {
    if (stop.signal.aborted) return role === 'serve' ? 0 : EXIT.terminated;
    const code = thrown instanceof ClawError ? thrown.code : 'Internal';
    logger.error({ code, error: errorMessage(thrown) }, 'failed');
    return code === 'Timeout' ? EXIT.wait : 1;
  }
}

async function fetchFirst(env: Env): Promise<number> {
  using giveUp = giveUpAfter(FETCH_SECONDS, systemClock, stop.signal);
  const { version } = await fetchPolicy(contextOf(env), giveUp.signal);
  const started = Number(required(env, POLICY_ENV.version));
  if (version !== started) {
    logger.info({ version, started }, 'another version is wanted than this pod was made for');
    return EXIT.wait;
  }
  await writeFile(KEY_FILE, randomBytes(32).toString('base64url'), { mode: 0o440 });
  return 0;
}

async function serve(env: Env): Promise<never> {
  const key = (await readFile(KEY_FILE, 'utf8')).trim();
  const server = localPolicyServer(POLICY_PORT, key);
  const firstVersion = Number(required(env, POLICY_ENV.version));
  await writeFile(join(POLICY_MOUNTS.state, READY_FILE), '');
  return await servePolicy({ ...contextOf(env), server, key, firstVersion }, stop.signal);
}

function contextOf(env: Env) {
  const tokenFile = env[ENV.tokenFile] ?? `${POLICY_MOUNTS.token}/token`;
  const connection = new ListenerConnection({
    serverUrl: required(env, ENV.serverUrl),
    ca: required(env, ENV.serverCa),
  });
  const shared = { clock: systemClock, logger };
  const readToken = (): Promise<string> => readFile(tokenFile, 'utf8');
  const client = new PolicyClient({ ...shared, random: Math.random, connection, readToken });
  return { ...shared, client, models: POLICY_MOUNTS.models };
}

function required(env: Env, name: string): string {
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  throw new ClawError('InvalidInput', `environment variable ${name} is not set`);
}
