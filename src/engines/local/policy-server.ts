import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { z } from 'zod';
import { parseJson } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import { type GuardedProgram, startProgram } from './guarded-program.ts';

/** A model that is on this machine's disk, in the layout of Hugging Face. */
export interface PolicyFiles {
  readonly modelDir: string;
  readonly templateFile: string;
  /** 0: the base. */
  readonly version: number;
}

export interface PolicyServerOptions extends PolicyFiles {
  /** The server and its first arguments; those of the wire are added. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The name that agents ask for. */
  readonly name: string;
  /** For its port, its log and its pid. */
  readonly folder: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A policy server process that answers; the wire is that of docs/reference/policy-server.md. */
export interface PolicyServer {
  /** For example `http://127.0.0.1:40123/v1`. */
  readonly baseUrl: string;
  readonly version: number;
  readonly gone: AbortSignal;
  /** Another version of the same policy; new requests get its answers from then on. */
  load(files: PolicyFiles): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Libraries are imported and weights read before it answers: minutes on a busy host or a cold disk. One that
 * ends instead is noticed at once.
 */
const START_MS = 600_000;
const LOAD_MS = 120_000;
const POLL_MS = 50;
const GRACE_MS = 3000;
const zModels = z.object({ data: z.array(z.looseObject({ id: z.string() })) });

/**
 * Starts a policy server and waits until it answers for the model by its name. Throws `UpstreamFailed`
 * with the end of its log where it does not come up.
 */
export async function startPolicyServer(options: PolicyServerOptions): Promise<PolicyServer> {
  const { folder, name, modelDir, templateFile, version } = options;
  const portFile = join(folder, 'port');
  await rm(portFile, { force: true });
  const wire = {
    model: modelDir,
    template: templateFile,
    host: '127.0.0.1',
    port: '0',
    'port-file': portFile,
    'served-model-name': name,
    'policy-version': String(version),
  };
  const flags = Object.entries(wire).flatMap(([flag, value]) => [`--${flag}`, value]);
  const program = startProgram({
    argv: [...options.command, ...flags],
    cwd: folder,
    env: options.env,
    logFile: join(folder, 'policy-server.log'),
    pidFile: join(folder, 'policy-server.pid'),
  });
  try {
    const origin = await answering(program, portFile, options);
    return policyServer(program, origin, options);
  } catch (cause) {
    await program.stop(0, options.clock);
    throw cause;
  }
}

function policyServer(
  program: GuardedProgram,
  origin: string,
  { clock, version }: PolicyServerOptions,
): PolicyServer {
  let serving = version;
  return {
    baseUrl: `${origin}/v1`,
    get version() {
      return serving;
    },
    gone: program.gone,
    load: async ({ modelDir, version: wanted }) => {
      const body = JSON.stringify({ path: modelDir, version: wanted });
      const { status, text } = await ask(`${origin}/v1/load_policy`, LOAD_MS, body);
      if (status !== 200) {
        throw new ClawError(
          'UpstreamFailed',
          `the policy server did not load version ${wanted} from ${modelDir}: status ${status}: ${text.slice(0, 300)}`,
        );
      }
      serving = wanted;
    },
    stop: () => program.stop(GRACE_MS, clock),
  };
}

async function answering(
  program: GuardedProgram,
  portFile: string,
  { clock, signal, name, folder }: PolicyServerOptions,
): Promise<string> {
  const until = clock.monotonic() + START_MS;
  let last = 'it has not said its port';
  while (clock.monotonic() < until && !program.gone.aborted) {
    signal.throwIfAborted();
    const port = await readPort(portFile);
    if (port !== undefined) {
      const origin = `http://127.0.0.1:${port}`;
      const found = await healthy(origin, name);
      if (found === true) return origin;
      last = found;
    }
    await clock.sleep(POLL_MS, signal);
  }
  last += ` after ${START_MS / 1000} s`;
  if (program.gone.aborted) last = `it ended with exit code ${(await program.ended).exitCode}`;
  throw new ClawError(
    'UpstreamFailed',
    `the policy server of ${name} did not come up: ${last}. End of ${join(folder, 'policy-server.log')}:\n${program.lastWords()}`,
  );
}

async function readPort(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const port = Number(text.trim());
  return Number.isInteger(port) && port > 0 ? port : undefined;
}

/** True, or what is missing. */
async function healthy(origin: string, name: string): Promise<true | string> {
  try {
    const health = await ask(`${origin}/health`, 5000);
    if (health.status !== 200) return `/health answers with status ${health.status}`;
    const { data } = zModels.parse(parseJson((await ask(`${origin}/v1/models`, 5000)).text));
    const names = data.map(({ id }) => id);
    return names.includes(name) || `/v1/models names ${names.join(', ')} and not ${name}`;
  } catch (thrown) {
    return errorMessage(thrown);
  }
}

async function ask(url: string, ms: number, body?: string) {
  const response = await request(url, {
    signal: AbortSignal.timeout(ms),
    ...(body !== undefined && {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    }),
  });
  return { status: response.statusCode, text: await response.body.text() };
}
