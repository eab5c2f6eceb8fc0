import type { Sha256 } from '../../base/brand.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import { InTurn } from '../../base/in-turn.ts';
import type { Upstream } from '../../gateway/upstream.ts';
import type {
  PolicyFiles,
  PolicyOfBatchBody,
  PolicyPodBody,
  PolicyPodState,
  PolicyReport,
  PolicyWanted,
} from '../../protocol/policy-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { type ModelManifest, readModel } from '../../training/model-manifest.ts';

/** Where a policy server answers, and what it wants to hear. */
export interface PolicyAddress {
  /** Up to /v1. */
  readonly baseUrl: string;
  readonly key: string;
  readonly name: string;
}

export interface PolicyDeskOptions {
  readonly artifacts: Pick<ArtifactStore, 'read' | 'size'>;
  /** Makes the client of a policy server. */
  readonly connect: (address: PolicyAddress) => Upstream & AsyncDisposable;
  /**
   * Compares what the server answers with the model's record. Throws `Conflict` where it is another
   * model, and anything else where it could not be asked.
   */
  readonly prove: (address: PolicyAddress, manifest: ModelManifest) => Promise<void>;
  /** `http://ADDRESS:PORT` of the policy server of a pod. */
  readonly originOf: (podIP: string) => string;
}

/** A pod as it proved itself. */
export interface PolicyPod {
  readonly podUid: string;
  readonly podIP: string | undefined;
}

/** A policy that answers; `gone` aborts when it does so no more. */
export interface ServedPolicy {
  readonly client: Upstream;
  readonly version: number;
  readonly gone: AbortSignal;
}

interface Serving {
  readonly address: PolicyAddress;
  readonly client: Upstream & AsyncDisposable;
  readonly gone: AbortController;
  /** Model and version that were proven. */
  proven: string | undefined;
}

interface Entry {
  body: PolicyPodBody;
  report: PolicyReport | undefined;
  /** Why it will not serve. */
  refusal: string | undefined;
  /** Why it does not yet. */
  trouble: string | undefined;
  serving: Serving | undefined;
}

/** More than that many policy pods are never told of; the oldest is forgotten and told again. */
const MAX_PODS = 1000;

/**
 * The pods that serve models of ours, and what answers the runs of their owners (design: cluster.md 11).
 * In memory alone: the operator tells of each pod with every look, and the pod of its key with every
 * report, so a server that starts anew knows both within seconds.
 */
export class PolicyDesk implements AsyncDisposable {
  readonly #options: PolicyDeskOptions;
  readonly #pods = new Map<string, Entry>();
  readonly #turns = new InTurn();
  readonly #waiting = new Set<() => void>();

  constructor(options: PolicyDeskOptions) {
    this.#options = options;
  }

  /** The operator's word. Another pod of the same owner and name takes the place of the one before. */
  async expect(podUid: string, body: PolicyPodBody): Promise<PolicyPodState> {
    for (const [uid, entry] of this.#pods) {
      const other = uid !== podUid && entry.body.owner === body.owner;
      if (other && entry.body.name === body.name) await this.#forget(uid, entry);
    }
    const known = this.#pods.get(podUid);
    if (known === undefined) {
      this.#pods.set(podUid, {
        ...{ body, report: undefined, serving: undefined, refusal: undefined, trouble: undefined },
      });
      const [oldest] = this.#pods;
      if (this.#pods.size > MAX_PODS && oldest !== undefined) await this.#forget(...oldest);
    } else {
      const before = known.body;
      known.body = body;
      if (wantedOf(before) !== wantedOf(body)) await this.#changeOver(known);
      for (const tell of this.#waiting) tell();
    }
    return this.#stateOf(podUid);
  }

  /** How far the pod is that answers a batch with this model and no other. */
  stateFor(batch: string, asked: PolicyOfBatchBody): PolicyPodState {
    for (const [uid, { body }] of this.#pods) {
      if (body.name !== asked.name || !answers(body, batch)) continue;
      if (body.model === asked.model) return this.#stateOf(uid);
      return { phase: 'loading', message: 'its pod answers with another version' };
    }
    return { phase: 'unheard', message: '' };
  }

  /** The operator has ended the pods of this owner, or their owner is over. */
  async end(owner: string): Promise<void> {
    for (const [uid, entry] of this.#pods)
      if (entry.body.owner === owner) await this.#forget(uid, entry);
  }

  expected(podUid: string): PolicyPodBody | undefined {
    return this.#pods.get(podUid)?.body;
  }

  /** What the pod is to serve. Throws `NotFound` where its model is not in the store. */
  async files(podUid: string): Promise<PolicyFiles> {
    const { body } = this.#entry(podUid);
    const { files, template } = await readModel(body.model, this.#options.artifacts);
    return { version: body.version, template: template.path, files };
  }

  /** True for a file of the model that the pod is to serve. */
  async mayRead(podUid: string, digest: Sha256): Promise<boolean> {
    const { body } = this.#entry(podUid);
    const { files } = await readModel(body.model, this.#options.artifacts);
    return files.some((file) => file.digest === digest);
  }

  /** What the pod says of itself, every few seconds; answered with the version that it should serve. */
  async report({ podUid, podIP }: PolicyPod, report: PolicyReport): Promise<PolicyWanted> {
    const entry = this.#entry(podUid);
    entry.report = report;
    entry.trouble = report.problem;
    // What answers with another version than the one that was proven answers nobody.
    if (report.version !== null && report.version !== entry.body.version) await close(entry);
    if (report.version === entry.body.version && podIP !== undefined) {
      const origin = this.#options.originOf(podIP);
      void this.#turns.run(podUid, () => this.#serve(entry, origin, report));
    }
    return { version: entry.body.version };
  }

  /** Waits until that model answers for the owner; the signal's reason where it ends first. */
  async served(
    owner: string,
    asked: PolicyOfBatchBody,
    signal: AbortSignal,
  ): Promise<ServedPolicy> {
    for (;;) {
      signal.throwIfAborted();
      const found = this.#servedNow(owner, asked);
      if (found !== undefined) return found;
      await this.#change(signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [uid, entry] of this.#pods) await this.#forget(uid, entry);
  }

  #servedNow(owner: string, { name, model }: PolicyOfBatchBody): ServedPolicy | undefined {
    for (const { body, serving } of this.#pods.values()) {
      if (body.name !== name || body.model !== model || !answers(body, owner)) continue;
      if (serving === undefined || serving.proven !== wantedOf(body)) continue;
      return { client: serving.client, version: body.version, gone: serving.gone.signal };
    }
    return undefined;
  }

  /**
   * Another version is wanted of a pod. Calls that are under way are given up before the pod hears of it:
   * whatever it answers from now on may be the other version.
   */
  async #changeOver(entry: Entry): Promise<void> {
    [entry.refusal, entry.trouble] = [undefined, undefined];
    await close(entry);
  }

  /** Proves the server once for each model and version; never rejects. */
  async #serve(entry: Entry, origin: string, { key }: PolicyReport): Promise<void> {
    const { body } = entry;
    const wanted = wantedOf(body);
    const address = { baseUrl: `${origin}/v1`, key, name: body.name };
    if (entry.refusal !== undefined || !this.#knows(entry)) return;
    const same =
      entry.serving?.address.baseUrl === address.baseUrl && entry.serving.address.key === key;
    if (same && entry.serving?.proven === wanted) return;
    try {
      const manifest = await readModel(body.model, this.#options.artifacts);
      await this.#options.prove(address, manifest);
      if (!this.#knows(entry) || wantedOf(entry.body) !== wanted) return;
      if (!same) await close(entry);
      entry.serving ??= {
        ...{ address, client: this.#options.connect(address), gone: new AbortController() },
        proven: undefined,
      };
      entry.serving.proven = wanted;
      entry.trouble = undefined;
    } catch (thrown) {
      if (wantedOf(entry.body) !== wanted) return;
      const message = errorMessage(thrown);
      if (thrown instanceof ClawError && thrown.code === 'Conflict') entry.refusal = message;
      else entry.trouble = message;
    }
    for (const tell of this.#waiting) tell();
  }

  #knows(entry: Entry): boolean {
    return [...this.#pods.values()].includes(entry);
  }

  #stateOf(podUid: string): PolicyPodState {
    const { body, report, serving, refusal, trouble } = this.#entry(podUid);
    const version = report?.version ?? undefined;
    const said = { ...(version !== undefined && { version }) };
    if (refusal !== undefined) return { phase: 'refused', message: refusal, ...said };
    if (serving?.proven === wantedOf(body)) return { phase: 'served', message: '', ...said };
    const message = trouble ?? '';
    if (report === undefined) return { phase: 'unheard', message };
    return { phase: version === body.version ? 'proving' : 'loading', message, ...said };
  }

  #entry(podUid: string): Entry {
    const entry = this.#pods.get(podUid);
    if (entry !== undefined) return entry;
    throw new ClawError('ServerUnavailable', 'the operator has not told of this pod yet', {
      retryable: true,
    });
  }

  async #forget(podUid: string, entry: Entry): Promise<void> {
    this.#pods.delete(podUid);
    await close(entry);
  }

  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    this.#waiting.delete(resolve);
  }
}

const wantedOf = ({ model, version }: PolicyPodBody): string => `${model} ${version}`;

const answers = ({ owner, batches }: PolicyPodBody, uid: string): boolean =>
  owner === uid || batches.includes(uid);

async function close(entry: Entry): Promise<void> {
  const { serving } = entry;
  entry.serving = undefined;
  serving?.gone.abort(
    new ClawError('UpstreamFailed', 'another pod, or another version, serves now'),
  );
  await serving?.client[Symbol.asyncDispose]();
}
