import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { systemClock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import { plainText } from '../../base/plain-text.ts';
import type { ImportEnd } from '../../protocol/import-api.ts';
import { ENV, EXIT, IMPORT_MOUNTS } from '../../protocol/pod-contract.ts';
import { giveUpAfter } from '../pod/give-up.ts';
import { lineLogger } from '../pod/line-logger.ts';
import { ListenerConnection } from '../pod/listener-connection.ts';
import { ImportClient } from './import-client.ts';
import { importSource } from './import-source.ts';
import { onVolume } from './source-place.ts';

/**
 * `import.cjs PATH`: reads the tasks at PATH of the mounted volume, hands them to the server, and
 * leaves its task set, or why there is none, as termination message. Exit codes: 0 stored, 1 refused,
 * 43 the server is away, 143 SIGTERM. A program of its own: the importers would make the programs
 * that every rollout starts larger.
 */
const TERMINATION_LOG = '/dev/termination-log';
/** A termination message has at most 4,096 bytes. */
const MAX_MESSAGE = 3000;
const MAX_SECONDS = 1500;

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort(new ClawError('Cancelled', 'SIGTERM')));
const logger = lineLogger((line) => process.stderr.write(line), Date.now);
void main(process.argv[2] ?? '', process.env).then((code) => process.exit(code));

type Env = Readonly<Record<string, string | undefined>>;

async function main(path: string, env: Env): Promise<number> {
  try {
    using giveUp = giveUpAfter(MAX_SECONDS, systemClock, stop.signal);
    const imported = await importSource(contextOf(path, env), giveUp.signal);
    logger.info(imported, 'stored');
    leave(imported);
    return 0;
  } catch (thrown) {
    const code = thrown instanceof ClawError ? thrown.code : 'Internal';
    const text = onVolume(IMPORT_MOUNTS.source, errorMessage(thrown));
    const message = plainText(text, MAX_MESSAGE);
    logger.error({ code, error: message }, 'failed');
    leave({ problem: { code, message } });
    if (stop.signal.aborted) return EXIT.terminated;
    return code === 'Timeout' ? EXIT.wait : 1;
  }
}

function contextOf(path: string, env: Env) {
  const tokenFile = env[ENV.tokenFile] ?? `${IMPORT_MOUNTS.token}/token`;
  const connection = new ListenerConnection({
    serverUrl: required(env, ENV.serverUrl),
    ca: required(env, ENV.serverCa),
  });
  const shared = { clock: systemClock, logger };
  const readToken = (): Promise<string> => readFile(tokenFile, 'utf8');
  return {
    ...shared,
    client: new ImportClient({ ...shared, random: Math.random, connection, readToken }),
    source: IMPORT_MOUNTS.source,
    path,
    state: IMPORT_MOUNTS.state,
  };
}

function leave(end: ImportEnd): void {
  try {
    writeFileSync(TERMINATION_LOG, JSON.stringify(end));
  } catch (thrown) {
    logger.error({ error: errorMessage(thrown) }, 'no termination message was left');
  }
}

function required(env: Env, name: string): string {
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  throw new ClawError('InvalidInput', `environment variable ${name} is not set`);
}
