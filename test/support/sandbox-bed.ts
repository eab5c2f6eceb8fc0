import { randomBytes, randomUUID } from 'node:crypto';
import { Agent } from 'undici';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { CALL_LIMITS } from '../../src/gateway/call-run.ts';
import { Gateway } from '../../src/gateway/chat-completions.ts';
import { OpenAiUpstream } from '../../src/gateway/openai-upstream.ts';
import type { SessionBudgets } from '../../src/gateway/session.ts';
import { StoredSessions } from '../../src/gateway/stored-sessions.ts';
import { SERVER_HOST } from '../../src/protocol/pod-contract.ts';
import type { BatchDirectory } from '../../src/server/coordinator/batch-directory.ts';
import { TaskSetImports } from '../../src/server/coordinator/task-set-imports.ts';
import { TaskSetShelf } from '../../src/server/coordinator/task-set-shelf.ts';
import { ClusterKeys } from '../../src/server/identity/cluster-keys.ts';
import { TokenVerifier } from '../../src/server/identity/verify-token.ts';
import { PolicyDesk } from '../../src/server/policies/policy-desk.ts';
import { provePolicy } from '../../src/server/policies/prove-policy.ts';
import { ClaimOffice } from '../../src/server/sandbox/claim-office.ts';
import { endModelOf } from '../../src/server/sandbox/end-model.ts';
import { type SandboxServer, startSandboxServer } from '../../src/server/sandbox/sandbox-server.ts';
import { type OpenSynthesis, openSynthesis } from '../../src/server/synthesis/open-synthesis.ts';
import type { SynthesisDeskOptions } from '../../src/server/synthesis/synthesis-desk.ts';
import type { KeyedCertificate } from '../../src/server/tls/certificates.ts';
import { makeAuthority, makeServing } from '../../src/server/tls/certificates.ts';
import { openTraining } from '../../src/server/training/open-training.ts';
import type { ResolveTasks } from '../../src/server/training/rl/frozen-tasks.ts';
import type { RlDesk } from '../../src/server/training/rl/rl-desk.ts';
import type { TrainingDesk } from '../../src/server/training/training-desk.ts';
import type { ArtifactStore } from '../../src/store/artifacts.ts';
import type { ClusterStore } from '../../src/store/cluster-records.ts';
import { openFileArtifacts } from '../../src/store/file-artifacts.ts';
import { openSqliteClusterStore } from '../../src/store/sqlite/open.ts';
import { aJob, aShape, rolloutItems } from './cluster-rows.ts';
import { TokenMint } from './cluster-tokens.ts';
import { FAST_BACKOFF, MODEL } from './gateway-fixture.ts';
import { aBatch, aPlan } from './records.ts';
import { FakePods } from './sandbox-pods.ts';
import { type ScriptedModelServer, startScriptedModel } from './scripted-model-server.ts';
import { SimpleDesk } from './simple-desk.ts';
import { fallibleUpstreams } from './synthesis/fallible-upstreams.ts';
import { tempDir } from './temp-dir.ts';

const HOUR = 3_600_000;

export interface SandboxBedOptions {
  readonly script?: Parameters<typeof startScriptedModel>[0]['script'];
  readonly fault?: Parameters<typeof startScriptedModel>[0]['fault'];
  readonly budgets?: Partial<SessionBudgets>;
  readonly connectionsPerAddress?: number;
  /** Of a task set that a pod hands in. */
  readonly importBytes?: number;
  /** Endpoints of SynthesisJobs; absent: a fallible generator behind every Secret. */
  readonly upstreams?: SynthesisDeskOptions['upstreams'];
  /** Whether those answer a first question; absent: they do. */
  readonly questions?: SynthesisDeskOptions['questions'];
  /** Task sources of reinforcement; absent: none can be read. */
  readonly resolve?: ResolveTasks;
}

export interface Asked {
  readonly status: number;
  readonly text: string;
  /** The parsed body, where it is JSON. */
  readonly json: Record<string, unknown>;
}

/** A server as sandboxes see it: real TLS, real store, real tokens; pods and the desk are scripted. */
export class SandboxBed implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  #server: AsyncDisposableStack | undefined;
  #agent: Agent | undefined;
  readonly options: SandboxBedOptions;
  readonly folder: string;
  readonly authority: KeyedCertificate;
  readonly serving: KeyedCertificate;
  readonly mint: TokenMint;
  readonly model: ScriptedModelServer;
  readonly pods = new FakePods();
  #port = 0;
  store!: ClusterStore;
  artifacts!: ArtifactStore;
  training!: TrainingDesk;
  rl!: RlDesk;
  desk!: SimpleDesk;
  imports!: TaskSetImports;
  policies!: PolicyDesk;
  /** Where the policy servers of pods answer, instead of at their addresses. */
  policyOrigin = 'http://127.0.0.1:1';
  synthesis!: OpenSynthesis;
  shelf!: TaskSetShelf;
  storeFull = false;
  listener!: SandboxServer;

  private constructor(parts: {
    readonly options: SandboxBedOptions;
    readonly folder: string;
    readonly authority: KeyedCertificate;
    readonly serving: KeyedCertificate;
    readonly mint: TokenMint;
    readonly model: ScriptedModelServer;
  }) {
    this.options = parts.options;
    this.folder = parts.folder;
    this.authority = parts.authority;
    this.serving = parts.serving;
    this.mint = parts.mint;
    this.model = parts.model;
  }

  /** One live rollout Job of four rows in namespace team-a, with pod `pod-1` at index 0. */
  static async start(options: SandboxBedOptions = {}): Promise<SandboxBed> {
    const dir = await tempDir();
    const authority = await makeAuthority(Date.now(), HOUR);
    const { script = () => ({ content: 'Done.' }), fault } = options;
    const bed = new SandboxBed({
      options,
      folder: dir.path,
      authority,
      serving: await makeServing(authority, [SERVER_HOST], Date.now(), HOUR),
      mint: await TokenMint.create(systemClock),
      model: await startScriptedModel({ script, ...(fault && { fault }) }),
    });
    bed.#stack.use(dir);
    bed.#stack.use(bed.model);
    await bed.open();
    await bed.store.planBatch(aBatch(), aPlan(4));
    await bed.store.newJob(aJob({ shape: aShape({ snapshotMiB: 1 }) }), rolloutItems(0, 1, 2));
    await bed.store.setJobUid(aJob(), 'job-uid-1');
    bed.pods.put();
    return bed;
  }

  /** Ends the server process, as far as a test can, and starts another over the same folder. */
  async restart(): Promise<void> {
    await this.close();
    await this.open();
  }

  async close(): Promise<void> {
    await this.#server?.disposeAsync();
    this.#server = undefined;
  }

  async open(): Promise<void> {
    const stack = new AsyncDisposableStack();
    this.#server = stack;
    const shared = { clock: systemClock, logger: silentLogger };
    const ending = new AbortController();
    stack.defer(() => ending.abort());
    const folder = `${this.folder}/store`;
    const store = stack.use(
      await openSqliteClusterStore({
        ...{ folder, holder: 'test', clock: systemClock, survives: 'process' },
      }),
    );
    const artifacts = await openFileArtifacts(`${this.folder}/artifacts`);
    const upstream = stack.use(
      new OpenAiUpstream({
        ...shared,
        name: 'scripted',
        baseUrl: this.model.baseUrl,
        apiKey: 'sk-real',
        random: () => 0.5,
        backoff: FAST_BACKOFF,
      }),
    );
    const budgets = { turns: 100, totalTokens: 1e6, seconds: 3600, ...this.options.budgets };
    const sessions = new StoredSessions({
      ...shared,
      records: store,
      plan: () => Promise.resolve({ upstream, model: MODEL, budgets }),
    });
    const gateway = stack.use(
      new Gateway({
        ...shared,
        random: () => 0.5,
        backoff: FAST_BACKOFF,
        limits: CALL_LIMITS,
        spoolDir: this.folder,
        records: store,
        artifacts,
        sessions,
      }),
    );
    const keys = new ClusterKeys({ ...shared, source: this.mint, signal: ending.signal });
    const desk = new SimpleDesk(store);
    const tokens = new TokenVerifier(keys, systemClock);
    const scratch = `${this.folder}/sources`;
    const newName = randomUUID;
    const { signal } = ending;
    const shelf = stack.use(
      new TaskSetShelf({ artifacts, folder: `${this.folder}/sets`, newName, signal }),
    );
    const maxBytes = this.options.importBytes;
    this.imports = new TaskSetImports({ shelf, scratch, newName }, signal, maxBytes);
    this.policies = stack.use(
      new PolicyDesk({
        artifacts,
        connect: ({ name, baseUrl, key }) =>
          new OpenAiUpstream({ ...shared, name, baseUrl, apiKey: key, random: () => 0.5 }),
        prove: provePolicy,
        originOf: () => this.policyOrigin,
      }),
    );
    const { upstreams = fallibleUpstreams() } = this.options;
    const { questions = { look: () => undefined } } = this.options;
    const parts = { store, artifacts, shelf, upstreams, questions, clock: systemClock };
    this.synthesis = openSynthesis({ ...parts, signal, holdMs: 200 });
    this.shelf = shelf;
    const storeFull = async (): Promise<boolean> => this.storeFull;
    const directory = { find: async () => undefined } as unknown as BatchDirectory;
    const none = () => Promise.reject(new Error('this bed has no task sources'));
    const { resolve = none } = this.options;
    const decisions = { directory, resolve };
    const training = openTraining({ store, artifacts, decisions, clock: systemClock });
    const office = new ClaimOffice({
      tokens,
      pods: this.pods,
      records: store,
      desk,
      clock: systemClock,
      newSecret: () => randomBytes(32).toString('base64url'),
      storeFull,
    });
    this.listener = stack.use(
      await startSandboxServer({
        office,
        importing: { tokens, pods: this.pods, imports: this.imports, storeFull },
        serving: { tokens, pods: this.pods, policies: this.policies, artifacts },
        synthesis: {
          ...{ tokens, pods: this.pods, storeFull },
          ...{ runs: store.synthesisRuns, desk: this.synthesis.worker },
        },
        training: { tokens, pods: this.pods, storeFull, ...training },
        desk,
        artifacts,
        records: store,
        endModel: endModelOf(sessions, gateway),
        gateway,
        logger: silentLogger,
        host: '127.0.0.1',
        port: this.#port,
        ...(this.options.connectionsPerAddress && {
          connectionsPerAddress: this.options.connectionsPerAddress,
        }),
        certificate: { cert: this.serving.certificate, key: this.serving.key },
      }),
    );
    // A restarted server has the same address.
    this.#port = this.listener.port;
    this.store = store;
    this.artifacts = artifacts;
    this.training = training.desk;
    this.rl = training.rl;
    this.desk = desk;
    if (this.#agent === undefined) {
      const agent = this.newAgent(this.authority.certificate, 8);
      this.#agent = agent;
      this.#stack.defer(() => agent.destroy());
    }
  }

  /** A client that trusts the bed's authority for the server's name, as pods do. */
  newAgent(ca = this.authority.certificate, connections = 1): Agent {
    return new Agent({ connections, connect: { ca, servername: SERVER_HOST } });
  }

  get origin(): string {
    return `https://127.0.0.1:${this.listener.port}`;
  }

  async ask(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    bearer: string | undefined,
    body?: object | Buffer,
    headers: Record<string, string> = {},
  ): Promise<Asked> {
    const agent = this.#agent ?? this.newAgent();
    const raw = Buffer.isBuffer(body) ? body : body && Buffer.from(JSON.stringify(body));
    const type = Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json';
    const answer = await agent.request({
      origin: this.origin,
      method,
      path,
      body: raw ?? null,
      headers: {
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        ...(raw !== undefined && { 'content-type': type }),
        ...headers,
      },
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, text, json: jsonOf(text) };
  }

  async claim(role: string, token?: string): Promise<Asked> {
    return await this.ask('POST', `/rollouts/v1/claims/${role}`, token ?? (await this.mint.sign()));
  }

  /** The credential of a claim that must succeed. */
  async credential(role: string, token?: string): Promise<string> {
    const { status, json, text } = await this.claim(role, token);
    if (status !== 200) throw new Error(`claim of ${role}: ${status} ${text}`);
    return String(json['credential']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.#stack.disposeAsync();
  }
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
