import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentHost } from '../../agents/agent-host.ts';
import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { PRODUCT } from '../../base/product.ts';
import { CALL_LIMITS } from '../../gateway/call-run.ts';
import { Gateway } from '../../gateway/chat-completions.ts';
import { StoredSessions } from '../../gateway/stored-sessions.ts';
import { AUDIENCES, SERVER_HOST } from '../../protocol/pod-contract.ts';
import { THIS_SERVER } from '../../protocol/protocol-version.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import { openFileArtifacts } from '../../store/file-artifacts.ts';
import { type OpenCoordinator, openCoordinator } from '../coordinator/open-coordinator.ts';
import { AccessReviews, type ReviewSource } from '../identity/access-reviews.ts';
import { ClusterKeys, type KeySource } from '../identity/cluster-keys.ts';
import { KeptPods } from '../identity/kept-pods.ts';
import type { PodReader } from '../identity/pods.ts';
import { TokenVerifier } from '../identity/verify-token.ts';
import type { KeptSecret } from '../kept-secret.ts';
import { openPolicies } from '../policies/open-policies.ts';
import type { PolicyDesk } from '../policies/policy-desk.ts';
import { ClaimOffice } from '../sandbox/claim-office.ts';
import { endModelOf } from '../sandbox/end-model.ts';
import type { EndModel } from '../sandbox/sandbox-plugin.ts';
import { type SandboxServer, startSandboxServer } from '../sandbox/sandbox-server.ts';
import { sessionPlan } from '../session-plan.ts';
import { type OpenSynthesis, openSynthesis } from '../synthesis/open-synthesis.ts';
import { CertificateKeeper } from '../tls/certificate-keeper.ts';
import { type OpenTraining, openTraining } from '../training/open-training.ts';
import { openUpstreams } from '../upstreams/open-upstreams.ts';
import type { SecretReader } from '../upstreams/secret-upstreams.ts';
import { UpstreamQuestions } from '../upstreams/upstream-questions.ts';
import type { ServerConfig } from './config.ts';
import { type OpenRetention, openRetention } from './open-retention.ts';
import { openStore } from './open-store.ts';
import { startOpsServer } from './ops-server.ts';
import { PublicCa } from './public-ca.ts';
import type { ServerMetrics } from './server-metrics.ts';
import { isStoreFilling, isStoreFull, storeUsed } from './store-room.ts';
import { StoreWatch } from './store-watch.ts';
import { startUserServer, type UserServer } from './user-server.ts';
import { UserToken } from './user-token.ts';

/** What the server needs of its cluster; tests give scripted ones. */
export interface ServerSurroundings {
  readonly keys: KeySource;
  readonly pods: PodReader;
  readonly secrets: SecretReader;
  /** Asked only where the configuration says so. */
  readonly reviews: ReviewSource;
  readonly certificateSecret: KeptSecret;
  readonly userTokenSecret: KeptSecret;
  readonly caSecret: KeptSecret;
}

export interface ServerProcess {
  readonly config: ServerConfig;
  readonly surroundings: ServerSurroundings;
  readonly metrics: ServerMetrics;
  readonly logger: Logger;
  /** Address of all listeners, for example `::`. */
  readonly host: string;
  /** Told once all listeners serve. */
  readonly serving?: (ports: ServerPorts) => void;
}

export interface ServerPorts {
  readonly sandbox: number;
  readonly user: number;
  readonly ops: number;
}

const clock = systemClock;
const secret = (): string => randomBytes(32).toString('base64url');
const nonce = (): string => randomBytes(16).toString('hex');

/** The whole server until `signal` aborts; then listeners end first, calls are recorded, the store last. */
export async function runServer(server: ServerProcess, signal: AbortSignal): Promise<void> {
  const { config, metrics, host, logger } = server;
  await using stack = new AsyncDisposableStack();
  // What works in the background ends when the listeners have.
  const ending = new AbortController();
  let ready = false;
  const ops = stack.use(
    await startOpsServer({
      host,
      port: config.opsPort,
      registry: metrics.registry,
      ready: () => ready,
    }),
  );
  stack.defer(() => ending.abort());
  const core = await openCore(server, stack, ending.signal);
  const trust = await openTrust(server, signal);
  const tokens = tokenVerifier(server, ending.signal);
  const user = stack.use(await listenUser(server, core, trust, tokens, ending.signal));
  const sandbox = stack.use(await listenSandbox(server, core, trust, tokens));
  trust.certificates.onChange((renewed) => {
    sandbox.setCertificate(renewed);
    user.setCertificate(renewed);
  });
  const background = Promise.all([
    core.retention.run(ending.signal),
    new StoreWatch({ used: () => storeUsed(config.dataDir), clock, logger }).run(ending.signal),
    trust.certificates.run(ending.signal),
    trust.userToken.run(ending.signal),
    trust.publicCa.run(ending.signal),
  ]);
  ready = true;
  server.serving?.({ sandbox: sandbox.port, user: user.port, ops: ops.port });
  await aborted(signal);
  ready = false;
  ending.abort();
  await background;
}

/** Store, gateway and decisions. */
interface Core extends OpenCoordinator {
  readonly store: ClusterStore;
  readonly artifacts: ArtifactStore;
  readonly gateway: Gateway;
  readonly endModel: EndModel;
  readonly retention: OpenRetention;
  readonly policies: PolicyDesk;
  readonly training: OpenTraining;
  readonly synthesis: OpenSynthesis;
}

async function openCore(
  { config, surroundings, metrics, logger }: ServerProcess,
  stack: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Core> {
  const store = stack.use(await openStore(config));
  const artifacts = await openFileArtifacts(join(config.dataDir, 'artifacts'));
  const ownNames = certificateNames(config);
  const secrets = openUpstreams({ secrets: surroundings.secrets, ownNames, clock, logger });
  const questions = new UpstreamQuestions({ upstreams: secrets, clock, logger, signal });
  const policies = stack.use(openPolicies({ artifacts, clock, logger }));
  const sessions = new StoredSessions({
    records: store,
    plan: (claim) => sessionPlan(claim, decisions.directory, { secrets, policies }),
    clock,
    logger,
  });
  const gateway = stack.use(
    new Gateway({
      ...{ sessions, records: store, artifacts, limits: CALL_LIMITS },
      spoolDir: await emptyFolder(join(config.dataDir, 'spool')),
      random: Math.random,
      clock,
      logger,
    }),
  );
  const endModel = endModelOf(sessions, gateway);
  const decisions: OpenCoordinator = stack.use(
    await openCoordinator({
      ...{ store, artifacts, pods: surroundings.pods },
      images: { host: agentHost() },
      questions,
      download: { hosts: config.taskUrlHosts, maxBytes: MAX_DOWNLOAD },
      cacheDir: join(config.dataDir, 'cache'),
      product: PRODUCT,
      endModel,
      observer: metrics.observer,
      clock,
      logger,
      newNonce: nonce,
      signal,
    }),
  );
  const { shelf } = decisions;
  const models = { upstreams: secrets, questions };
  const synthesis = openSynthesis({ store, artifacts, shelf, ...models, clock, signal });
  const training = openTraining({ store, artifacts, decisions, clock });
  const keeping = { days: config.retentionDays, observer: metrics.retention };
  const parts = { store, artifacts, ...keeping, clock, logger };
  return {
    ...decisions,
    ...{ store, artifacts, gateway, endModel, policies, training, synthesis },
    retention: openRetention(parts, decisions, { synthesis, training }),
  };
}

/** What others know the server by. */
interface Trust {
  readonly certificates: CertificateKeeper;
  readonly userToken: UserToken;
  readonly publicCa: PublicCa;
}

async function openTrust(
  { config, surroundings, logger }: ServerProcess,
  signal: AbortSignal,
): Promise<Trust> {
  const certificates = new CertificateKeeper({
    secret: surroundings.certificateSecret,
    names: certificateNames(config),
    clock,
    logger,
  });
  await certificates.check(signal);
  const caBundle = (): string => certificates.current.caBundle;
  const userToken = new UserToken({
    secret: surroundings.userTokenSecret,
    ...{ caBundle, newSecret: secret, clock, logger },
  });
  await userToken.check(signal);
  const publicCa = new PublicCa({ secret: surroundings.caSecret, caBundle, clock, logger });
  await publicCa.check(signal);
  return { certificates, userToken, publicCa };
}

function tokenVerifier(
  { surroundings, logger }: ServerProcess,
  signal: AbortSignal,
): TokenVerifier {
  const keys = new ClusterKeys({ source: surroundings.keys, clock, logger, signal });
  return new TokenVerifier(keys, clock);
}

async function listenUser(
  { config, surroundings, host, logger }: ServerProcess,
  { coordinator, synthesis, store, artifacts, retention, policies, training }: Core,
  { certificates, userToken }: Trust,
  tokens: TokenVerifier,
  signal: AbortSignal,
): Promise<UserServer> {
  const operator = {
    audience: AUDIENCES.operator,
    serviceAccount: config.operatorAccount,
    namespace: config.namespace,
  };
  return await startUserServer({
    host,
    port: config.userPort,
    certificate: certificates.current,
    operator: {
      coordinator,
      policies,
      training,
      synthesis: synthesis.desk,
      admit: async (authorization) => {
        await tokens.verify(authorization, operator);
      },
      living: retention.living,
      info: async () => ({
        version: THIS_SERVER.version,
        protocol: [...THIS_SERVER.protocol],
        caBundle: certificates.current.caBundle,
        caDigest: certificates.current.caDigest,
        storeFull: await isStoreFull(config.dataDir),
        storeFilling: await isStoreFilling(config.dataDir),
      }),
      logger,
      signal,
    },
    query: {
      ...{
        store,
        artifacts,
        models: store,
        synthesis: store,
        token: () => userToken.current,
        logger,
      },
      batchesOf: (digest) => store.batchesOf(digest),
      ...(config.accessReviews && { reviews: new AccessReviews(surroundings.reviews, clock) }),
    },
  });
}

async function listenSandbox(
  { config, surroundings, host, logger }: ServerProcess,
  { desk, store, artifacts, gateway, endModel, imports, policies, training, synthesis }: Core,
  { certificates }: Trust,
  tokens: TokenVerifier,
): Promise<SandboxServer> {
  const { pods } = surroundings;
  const storeFull = (): Promise<boolean> => isStoreFull(config.dataDir);
  return await startSandboxServer({
    office: new ClaimOffice({
      ...{ tokens, pods, records: store, desk, clock, newSecret: secret, storeFull },
    }),
    importing: { tokens, pods, imports, storeFull },
    serving: { tokens, pods, policies, artifacts },
    training: { ...training, tokens, pods, storeFull },
    synthesis: {
      ...{ tokens, storeFull, runs: store.synthesisRuns, desk: synthesis.worker },
      pods: new KeptPods(pods, clock),
    },
    desk,
    artifacts,
    records: store,
    endModel,
    gateway,
    logger,
    host,
    port: config.sandboxPort,
    certificate: certificates.current,
  });
}

const MAX_DOWNLOAD = 1024 * 1024 * 1024;

/** Spooled answers of an earlier process belong to calls that ended with it. */
async function emptyFolder(folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Harnesses come with the images, which hold this very Node. */
function agentHost(): AgentHost {
  return {
    nodePath: process.execPath,
    nodeVersion: process.versions.node,
    env: {},
  };
}

function certificateNames({ service, namespace }: ServerConfig): readonly string[] {
  return [
    SERVER_HOST,
    service,
    `${service}.${namespace}`,
    `${service}.${namespace}.svc`,
    'localhost',
  ];
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}
