import { readFile } from 'node:fs/promises';
import { MODEL_LINK_URL } from '../../agents/agent.ts';
import { systemClock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import { ENV, IMAGE_PATHS, ROLES, type Role, TRUSTED } from '../../protocol/pod-contract.ts';
import { lineLogger } from './line-logger.ts';
import type { RoleContext, RoleProgram } from './role-context.ts';

/**
 * The program of a pod's trusted containers: `phase stage|companion|fetch|report`. What a role does
 * not need is not loaded: the four start once a rollout each. `phase --standalone ROLE FOLDER` does the
 * same work without a server: claims and artifacts come from files, what would be sent is printed.
 */
const PROGRAMS: Readonly<Record<Role, () => Promise<RoleProgram>>> = {
  stage: async () => (await import('./stage-role.ts')).stageRole,
  companion: async () => (await import('./companion-role.ts')).companionRole,
  fetch: async () => (await import('./fetch-role.ts')).fetchRole,
  report: async () => (await import('./report-role.ts')).reportRole,
};
const STANDALONE = '--standalone';
const DEFAULT_GRACE_SECONDS = 30;
const MAX_LINK_SOCKETS = 64;

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort(new ClawError('Cancelled', 'SIGTERM')));
const logger = lineLogger((line) => process.stderr.write(line), Date.now);
// A sidecar may wait for nothing but SIGTERM, and that alone does not keep Node running.
setInterval(() => undefined, 2 ** 30);
// Idle connections must not hold a container that is done.
void main(process.argv.slice(2), process.env).then(
  (code) => process.exit(code),
  (thrown: unknown) => {
    logger.error({ error: errorMessage(thrown) }, 'failed');
    process.exit(1);
  },
);

async function main(args: readonly string[], env: Env): Promise<number> {
  const [name, bundle] = args[0] === STANDALONE ? [args[1], args[2]] : [args[0], undefined];
  const role = ROLES.find((known) => known === name);
  if (role === undefined) {
    throw new ClawError(
      'InvalidInput',
      `phase ${JSON.stringify(name ?? '')}: expected one of ${ROLES.join(', ')}`,
    );
  }
  const program = await PROGRAMS[role]();
  return await program(
    bundle === undefined ? await contextOf(env) : await standaloneContext(bundle, env),
  );
}

type Env = Readonly<Record<string, string | undefined>>;

function commonContext(env: Env): Omit<RoleContext, 'client' | 'openGateway'> {
  return {
    clock: systemClock,
    random: Math.random,
    logger,
    paths: TRUSTED,
    rootDigestFile: IMAGE_PATHS.rootDigest,
    stop: stop.signal,
    graceSeconds: Number(env[ENV.graceSeconds] ?? DEFAULT_GRACE_SECONDS),
    linkPort: Number(new URL(MODEL_LINK_URL).port),
  };
}

async function standaloneContext(bundle: string, env: Env): Promise<RoleContext> {
  const { StandaloneClient } = await import('./standalone-client.ts');
  return {
    ...commonContext(env),
    client: new StandaloneClient(bundle, (line) => process.stdout.write(line)),
    openGateway: () => {
      throw new ClawError('UnsupportedTask', 'without a server there is no model');
    },
  };
}

async function contextOf(env: Env): Promise<RoleContext> {
  const { ListenerConnection, trustNobodyByDefault } = await import('./listener-connection.ts');
  const { SandboxClient } = await import('./sandbox-client.ts');
  const { TlsGateway } = await import('./tls-gateway.ts');
  const server = { serverUrl: required(env, ENV.serverUrl), ca: required(env, ENV.serverCa) };
  trustNobodyByDefault();
  const tokenFile = env[ENV.tokenFile] ?? `${TRUSTED.token}/token`;
  const common = commonContext(env);
  return {
    ...common,
    client: new SandboxClient({
      ...common,
      connection: new ListenerConnection(server),
      readToken: () => readFile(tokenFile, 'utf8'),
    }),
    openGateway: () =>
      new TlsGateway(new ListenerConnection({ ...server, maxSockets: MAX_LINK_SOCKETS })),
  };
}

function required(env: Env, name: string): string {
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  throw new ClawError('InvalidInput', `environment variable ${name} is not set`);
}
