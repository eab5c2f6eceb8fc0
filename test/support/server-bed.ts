import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, parseJson } from '../../src/base/brand.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { companionRole } from '../../src/phases/pod/companion-role.ts';
import { fetchRole } from '../../src/phases/pod/fetch-role.ts';
import { ListenerConnection } from '../../src/phases/pod/listener-connection.ts';
import { reportRole } from '../../src/phases/pod/report-role.ts';
import type { RoleContext } from '../../src/phases/pod/role-context.ts';
import { type RoleClient, SandboxClient } from '../../src/phases/pod/sandbox-client.ts';
import { stageRole } from '../../src/phases/pod/stage-role.ts';
import { TlsGateway } from '../../src/phases/pod/tls-gateway.ts';
import type { BatchState, JobState } from '../../src/protocol/operator-api.ts';
import { OperatorClient } from '../../src/protocol/operator-client.ts';
import { AUDIENCES, ROLE_AUDIENCE, type Role, SPEC_FILE } from '../../src/protocol/pod-contract.ts';
import type { Speaker } from '../../src/protocol/protocol-version.ts';
import type { ReviewSource } from '../../src/server/identity/access-reviews.ts';
import { readServerConfig } from '../../src/server/process/config.ts';
import { runServer, type ServerPorts } from '../../src/server/process/run-server.ts';
import { serverMetrics } from '../../src/server/process/server-metrics.ts';
import { TokenMint } from './cluster-tokens.ts';
import { MemorySecret } from './memory-secret.ts';
import { anEndedContainer } from './pod-facts.ts';
import { FakePods } from './sandbox-pods.ts';
import { tempDir } from './temp-dir.ts';

export type PodPaths = RoleContext['paths'];

/** The untrusted containers, which find their spec in the volume too; they give their exit codes. */
export interface UntrustedPrograms {
  /** Stands between a role's program and the server, to read along. */
  readonly readAlong?: (client: RoleClient) => RoleClient;
  readonly agent: (spec: Record<string, unknown>, paths: PodPaths) => Promise<number>;
  readonly grade: (spec: Record<string, unknown>, paths: PodPaths) => Promise<number>;
}

const NAMESPACE = 'team-a';
const OPERATOR = { namespace: 'clawgym', serviceAccount: 'clawgym-operator' };

/**
 * The whole server in this process, with its three listeners, and pods whose trusted containers are the
 * real programs, over real TLS with real tokens. API server and kubelet are scripted.
 */
export class ServerBed implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly folder: string;
  readonly mint: TokenMint;
  readonly pods = new FakePods();
  readonly certificateSecret = new MemorySecret({});
  /** What the API server would say of people's tokens: nothing, unless a test says otherwise. */
  reviews: ReviewSource = { whois: async () => undefined, mayRead: async () => false };
  readonly userTokenSecret = new MemorySecret({});
  readonly caSecret = new MemorySecret({});
  #stop = new AbortController();
  #ended: Promise<void> = Promise.resolve();
  ports: ServerPorts = { sandbox: 0, user: 0, ops: 0 };

  private constructor(folder: string, mint: TokenMint) {
    this.folder = folder;
    this.mint = mint;
  }

  static async start(): Promise<ServerBed> {
    const dir = await tempDir();
    const bed = new ServerBed(dir.path, await TokenMint.create(systemClock));
    bed.#stack.use(dir);
    await bed.open();
    return bed;
  }

  async open(): Promise<void> {
    const { sandbox, user, ops } = this.ports;
    const config = readServerConfig([
      '--namespace=clawgym',
      `--data-dir=${this.folder}/data`,
      '--certificate-secret=tls',
      '--user-token-secret=token',
      '--ca-secret=ca',
      '--service=clawgym-server',
      `--operator-account=${OPERATOR.serviceAccount}`,
      `--sandbox-port=${sandbox}`,
      `--user-port=${user}`,
      `--ops-port=${ops}`,
    ]);
    this.#stop = new AbortController();
    const serving = Promise.withResolvers<ServerPorts>();
    this.#ended = runServer(
      {
        config,
        surroundings: {
          keys: this.mint,
          pods: this.pods,
          reviews: this.reviews,
          secrets: { get: () => Promise.resolve(undefined) },
          certificateSecret: this.certificateSecret,
          userTokenSecret: this.userTokenSecret,
          caSecret: this.caSecret,
        },
        metrics: serverMetrics(async () => 0.5),
        logger: silentLogger,
        host: '127.0.0.1',
        serving: serving.resolve,
      },
      this.#stop.signal,
    );
    this.#ended.catch(serving.reject);
    // A restarted server has the same addresses.
    this.ports = await serving.promise;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.#stack.disposeAsync();
  }

  get ca(): string {
    return this.certificateSecret.fields?.['ca.crt'] ?? '';
  }

  /** The operator's client, with a token of its own account or of the one that is given. */
  async operator(
    account: Partial<typeof OPERATOR> = {},
    speaks?: Speaker,
  ): Promise<OperatorClient> {
    const [caFile, tokenFile] = [join(this.folder, 'ca.crt'), join(this.folder, randomUUID())];
    const pod = { name: 'operator', uid: 'operator-uid' };
    const audience = [AUDIENCES.operator];
    await writeFile(caFile, this.ca);
    await writeFile(tokenFile, await this.mint.sign({ ...OPERATOR, ...account, audience, pod }));
    const url = `https://localhost:${this.ports.user}`;
    return this.#stack.use(new OperatorClient({ url, caFile, tokenFile, speaks }));
  }

  /** Plays operator and kubelet until nothing of the batch waits. */
  async drive(uid: string, programs: UntrustedPrograms): Promise<BatchState> {
    const operator = await this.operator();
    const call = { signal: this.#stop.signal };
    for (let round = 0; round < 30; round += 1) {
      const state = await operator.batch(uid, call);
      if (state === undefined || state.waiting.length === 0) break;
      for (const { shape } of state.waiting) {
        const generation = state.generations[shape.phase] + 1;
        const name = `run-${uid.slice(-5)}-${shape.id}-${shape.phase[0]}${generation}`;
        const asked = { name, shapeId: shape.id, generation, max: 1000 };
        const job = await operator.newJob(uid, asked, call);
        await operator.jobCreated(uid, name, `uid-of-${name}`, call);
        const pods = [];
        for (let index = 0; index < job.length; index += 1) {
          pods.push(await this.runPod(uid, job, index, programs));
        }
        await operator.evidence(uid, pods, call);
        await operator.jobOver(uid, name, 'finished', call);
      }
    }
    const end = await operator.batch(uid, call);
    if (end === undefined) throw new Error(`batch ${uid} is not planned`);
    return end;
  }

  /** One pod from its first container to its last; what is then seen of it. */
  async runPod(uid: string, job: JobState, index: number, programs: UntrustedPrograms) {
    const pod = { name: `${job.name}-${index}-abcde`, uid: randomUUID() };
    const jobUid = `uid-of-${job.name}`;
    const owner = { batch: uid, jobName: job.name, jobUid, index: String(index) };
    this.pods.put({ namespace: NAMESPACE, ...pod, ...owner });
    const folder = join(this.folder, pod.uid);
    try {
      const [first, beside, main] = job.phase === 'rollout' ? ROLLOUT : VERIFY;
      const { readAlong = (client) => client } = programs;
      const around = { first, beside, readAlong };
      const codes = await this.#containers(pod, folder, around, programs[main]);
      const containers = [first.name, beside.name, main].map((name, at) =>
        anEndedContainer(name, { exitCode: codes[at] ?? 1 }),
      );
      const phase = codes.every((code) => code === 0)
        ? ('Succeeded' as const)
        : ('Failed' as const);
      const podName = pod.name;
      return {
        ...{ podUid: pod.uid, podName, jobName: job.name, jobUid, index, phase, gone: true },
        containers,
      };
    } finally {
      this.pods.delete(NAMESPACE, pod.name);
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #containers(
    pod: { readonly name: string; readonly uid: string },
    folder: string,
    { first, beside, readAlong }: TrustedPrograms,
    main: UntrustedPrograms['agent'],
  ): Promise<readonly number[]> {
    const paths = await volumes(folder);
    const never = new AbortController().signal;
    const initial = await this.#trusted(pod, { ...first, readAlong }, paths, never);
    if (initial !== 0) return [initial];
    const stop = new AbortController();
    const sidecar = this.#trusted(pod, { ...beside, readAlong }, paths, stop.signal);
    const specFile = join(first.name === 'stage' ? paths.report : paths.verdict, SPEC_FILE);
    const spec = parseJson(await readFile(specFile, 'utf8'));
    if (!isRecord(spec)) throw new Error('the spec is no object');
    const code = await main(spec, paths);
    stop.abort(new Error('SIGTERM'));
    return [initial, await sidecar, code];
  }

  async #trusted(
    pod: { readonly name: string; readonly uid: string },
    { name, program, readAlong }: TrustedProgram & Pick<TrustedPrograms, 'readAlong'>,
    paths: PodPaths,
    stop: AbortSignal,
  ): Promise<number> {
    const options = { serverUrl: `https://127.0.0.1:${this.ports.sandbox}`, ca: this.ca };
    const connection = new ListenerConnection(options);
    const shared = { clock: systemClock, random: Math.random, logger: silentLogger };
    const audience = [ROLE_AUDIENCE[name]];
    const readToken = () => this.mint.sign({ namespace: NAMESPACE, audience, pod });
    try {
      return await program({
        ...shared,
        client: readAlong(new SandboxClient({ ...shared, connection, readToken })),
        paths,
        rootDigestFile: join(paths.state, 'root-digest'),
        stop,
        graceSeconds: 30,
        openGateway: () => new TlsGateway(new ListenerConnection(options)),
        linkPort: 0,
      });
    } finally {
      connection.close();
    }
  }
}

interface TrustedProgram {
  readonly name: Role;
  readonly program: (context: RoleContext) => Promise<number>;
}

interface TrustedPrograms {
  readonly first: TrustedProgram;
  readonly beside: TrustedProgram;
  readonly readAlong: NonNullable<UntrustedPrograms['readAlong']>;
}

const ROLLOUT = [
  { name: 'stage', program: stageRole },
  { name: 'companion', program: companionRole },
  'agent',
] as const;
const VERIFY = [
  { name: 'fetch', program: fetchRole },
  { name: 'report', program: reportRole },
  'grade',
] as const;

async function volumes(folder: string): Promise<PodPaths> {
  const make = async (name: string): Promise<string> => {
    const path = join(folder, name);
    await mkdir(path, { recursive: true });
    return path;
  };
  return {
    workspace: await make('workspace'),
    agent: await make('agent'),
    report: await make('report'),
    verifier: await make('verifier'),
    verdict: await make('verdict'),
    state: await make('state'),
  };
}

/** The wrapper with no command to run: it writes its report and ends. */
export async function idleWrapper(
  { nonce }: Record<string, unknown>,
  { report }: PodPaths,
): Promise<number> {
  const end = { exitCode: 0, signal: null, reason: 'Exited', detail: '', seconds: 0.1 };
  await writeFile(join(report, `${String(nonce)}.json`), JSON.stringify({ nonce, ...end }));
  return 0;
}
