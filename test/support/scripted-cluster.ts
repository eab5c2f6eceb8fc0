import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type AttemptId, asAttemptId } from '../../src/base/brand.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { sha256 } from '../../src/base/digest.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { ModelHold } from '../../src/protocol/model-hold.ts';
import type { BatchState, JobState, PlanBatchBody } from '../../src/protocol/operator-api.ts';
import type { PodEvidence } from '../../src/protocol/pod-evidence.ts';
import type { AttemptEndBody, NoClaim, VerdictBody } from '../../src/protocol/sandbox-api.ts';
import type { DownloadRules } from '../../src/server/coordinator/download.ts';
import {
  type OpenCoordinator,
  openCoordinator,
} from '../../src/server/coordinator/open-coordinator.ts';
import type { ClaimingPod, FetchGrant, StageGrant } from '../../src/server/sandbox/claim-desk.ts';
import type { AskedModel } from '../../src/server/upstreams/upstream-questions.ts';
import type { ArtifactStore, ArtifactSweep } from '../../src/store/artifacts.ts';
import type { ClaimRow, ClusterStore, Fetched } from '../../src/store/cluster-records.ts';
import { openFileArtifacts } from '../../src/store/file-artifacts.ts';
import { openSqliteClusterStore } from '../../src/store/sqlite/open.ts';
import { anEndedContainer } from './pod-facts.ts';
import { FakePods } from './sandbox-pods.ts';

/** What a scripted pod does after its claim; `evidence` is what its object says at its end. */
export interface PodEnding<Report> {
  readonly report?: Report | undefined;
  readonly evidence?: Partial<PodEvidence> | undefined;
}

export interface ClusterScript {
  readonly agent: (
    grant: StageGrant,
    cluster: ScriptedCluster,
  ) => Promise<PodEnding<AttemptEndBody>>;
  /** What `fetch` tells before `grade` begins; absent: it told nothing. */
  readonly fetched?: Fetched;
  readonly grade: (grant: FetchGrant, cluster: ScriptedCluster) => Promise<PodEnding<VerdictBody>>;
}

/** A pod of the script: what claims, and what is seen of it. */
export interface ScriptedPod {
  readonly claiming: ClaimingPod;
  readonly evidence: PodEvidence;
}

export const NAMESPACE = 'team-a';

/**
 * The server's decisions over a real store with pods that a script plays: claims and reports go to the
 * desk as the sandbox listener would hand them on, evidence and Jobs to the coordinator as an operator.
 */
export class ScriptedCluster implements AsyncDisposable {
  readonly folder: string;
  readonly pods = new FakePods();
  /** Where the harnesses' lockfiles are, if not beside the sources. Holds for the next start. */
  harnesses: string | undefined;
  /** Holds for the next start. */
  download: DownloadRules = { hosts: new Set(), maxBytes: 1 << 20 };
  /** Why a model is not to be had; undefined for one that answers. */
  modelHold: (asked: AskedModel) => ModelHold | undefined = () => undefined;
  /** Takes effect with the next start. */
  clock: Clock = systemClock;
  /** Attempts whose model was ended, in order. */
  readonly modelEnds: AttemptId[] = [];
  store!: ClusterStore;
  artifacts!: ArtifactStore & ArtifactSweep;
  open!: OpenCoordinator;
  #stack = new AsyncDisposableStack();

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async start(folder: string): Promise<ScriptedCluster> {
    const cluster = new ScriptedCluster(folder);
    await cluster.#open();
    return cluster;
  }

  /** As a killed and restarted server: nothing but the store is left. */
  async restart(): Promise<void> {
    await this.#stack.disposeAsync();
    this.#stack = new AsyncDisposableStack();
    await this.#open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async plan(uid: string, body: PlanBatchBody): Promise<BatchState> {
    return await this.open.coordinator.plan(uid, body, new AbortController().signal);
  }

  /** Plays the operator until nothing waits any more; at most so many rounds. */
  async drive(uid: string, script: ClusterScript, rounds = 30): Promise<BatchState> {
    for (let round = 0; round < rounds; round += 1) {
      const state = await this.open.coordinator.state(uid);
      if (state.waiting.length === 0) return state;
      for (const { shape, count } of state.waiting) {
        const generation = state.generations[shape.phase] + 1;
        const job = await this.newJob(uid, { shapeId: shape.id, generation, max: count });
        for (let index = 0; index < job.length; index += 1)
          await this.runPod(uid, job, index, script);
        await this.open.coordinator.jobOver(uid, job.name, 'finished');
      }
    }
    throw new Error(`batch ${uid} still has work after ${rounds} rounds`);
  }

  async newJob(
    uid: string,
    asked: { readonly shapeId: string; readonly generation: number; readonly max: number },
  ): Promise<JobState> {
    const { coordinator } = this.open;
    const name = `${uid}-${asked.shapeId}-${asked.generation}`;
    await coordinator.newJob(uid, { ...asked, name });
    await coordinator.jobCreated(uid, name, `uid-of-${name}`);
    return await coordinator.newJob(uid, { ...asked, name });
  }

  /** One pod of one index from its claim to its evidence. */
  async runPod(uid: string, job: JobState, index: number, script: ClusterScript): Promise<void> {
    const pod = await this.makePod(job, index);
    const ending =
      job.phase === 'rollout'
        ? await this.#rollout(pod, script)
        : await this.#verification(pod, script);
    const seen = { ...pod.evidence, ...ending };
    await this.open.coordinator.evidence(uid, [seen]);
    this.pods.delete(NAMESPACE, pod.evidence.podName);
  }

  async makePod(job: JobState, index: number): Promise<ScriptedPod> {
    const uid = randomUUID();
    const name = `${job.name}-${index}-${uid.slice(0, 5)}`;
    const jobUid = job.uid ?? `uid-of-${job.name}`;
    this.pods.put({
      namespace: NAMESPACE,
      name,
      uid,
      jobName: job.name,
      jobUid,
      index: String(index),
    });
    const stored = await this.store.jobByUid(jobUid);
    const row = stored && (await this.store.rowOf(stored, index));
    const object = { ...(await this.pods.get(NAMESPACE, name)), spec: {} };
    if (row === undefined || stored === undefined)
      throw new Error(`no row ${index} of ${job.name}`);
    const names = job.phase === 'rollout' ? ROLLOUT_CONTAINERS : VERIFY_CONTAINERS;
    return {
      claiming: { namespace: NAMESPACE, name, uid, terminating: false, job: stored, row, object },
      evidence: {
        podUid: uid,
        podName: name,
        jobName: job.name,
        jobUid,
        index,
        phase: 'Succeeded',
        gone: false,
        containers: names.map((container) => anEndedContainer(container)),
      },
    };
  }

  /** The claim of a pod's container, as the listener stores it. */
  async claim(
    { claiming }: ScriptedPod,
    role: ClaimRow['role'],
    lease: { readonly attempt?: string | undefined; readonly nonce: string },
  ): Promise<ClaimRow> {
    return await this.store.putClaim({
      podUid: claiming.uid,
      role,
      batch: claiming.job.batch,
      job: claiming.job.name,
      index: claiming.row.index,
      item: claiming.row.item,
      attempt: lease.attempt === undefined ? undefined : asAttemptId(lease.attempt),
      credentialHash: sha256(`${claiming.uid} ${role} ${randomUUID()}`),
      linkBearerHash: undefined,
      nonce: lease.nonce,
      reads: [],
      createdAt: Date.now(),
    });
  }

  async #rollout(pod: ScriptedPod, script: ClusterScript): Promise<Partial<PodEvidence>> {
    const { desk } = this.open;
    const staged = await desk.stage(pod.claiming);
    if ('refusal' in staged) return refusedBy('stage', staged.refusal);
    const companion = await desk.companion(pod.claiming);
    if ('refusal' in companion) throw new Error(`companion: ${companion.refusal.reason}`);
    const { attempt, reportNonce } = companion.grant;
    const claim = await this.claim(pod, 'companion', { attempt, nonce: reportNonce });
    const ending = await script.agent(staged.grant, this);
    if (ending.report !== undefined) await desk.end(claim, ending.report);
    return ending.evidence ?? {};
  }

  async #verification(pod: ScriptedPod, script: ClusterScript): Promise<Partial<PodEvidence>> {
    const { desk } = this.open;
    const fetched = await desk.fetch(pod.claiming);
    if ('refusal' in fetched) return refusedBy('fetch', fetched.refusal);
    const { nonce } = fetched.grant;
    const fetching = await this.claim(pod, 'fetch', { nonce });
    if (script.fetched !== undefined) await desk.fetched(fetching, script.fetched);
    const reported = await desk.report(pod.claiming);
    if ('refusal' in reported) throw new Error(`report: ${reported.refusal.reason}`);
    const claim = await this.claim(pod, 'report', { nonce: reported.grant.verdictNonce });
    const ending = await script.grade(fetched.grant, this);
    if (ending.report !== undefined) await desk.verdict(claim, ending.report);
    return ending.evidence ?? {};
  }

  async #open(): Promise<void> {
    const { clock } = this;
    const folder = join(this.folder, 'records');
    this.store = this.#stack.use(await openSqliteClusterStore({ folder, holder: 'test', clock }));
    this.artifacts = await openFileArtifacts(join(this.folder, 'artifacts'));
    this.open = this.#stack.use(
      await openCoordinator({
        store: this.store,
        artifacts: this.artifacts,
        pods: this.pods,
        images: {
          host: { nodePath: 'node', nodeVersion: '24.0.0', env: {} },
          ...(this.harnesses !== undefined && { install: { sourceDir: this.harnesses } }),
        },
        questions: { look: (asked) => this.modelHold(asked) },
        download: this.download,
        cacheDir: join(this.folder, 'cache'),
        product: { name: 'test', version: '0' },
        endModel: (attempt) => {
          this.modelEnds.push(attempt);
          return Promise.resolve();
        },
        observer: { attemptClosed: () => undefined, rolloutDecided: () => undefined },
        clock,
        logger: silentLogger,
        newNonce: () => randomUUID(),
        signal: new AbortController().signal,
      }),
    );
  }
}

const ROLLOUT_CONTAINERS = ['stage', 'companion', 'agent'];
const VERIFY_CONTAINERS = ['fetch', 'report', 'grade'];

function refusedBy(name: string, refusal: NoClaim): Partial<PodEvidence> {
  const exitCode = refusal.decision === 'decided' ? 42 : 43;
  return { phase: 'Failed', containers: [anEndedContainer(name, { exitCode })] };
}
