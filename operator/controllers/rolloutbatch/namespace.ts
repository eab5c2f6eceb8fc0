import { canonicalJson } from '../../../src/base/canonical-json.ts';
import { namespaceObjects } from '../../../src/engines/kubernetes/namespace-objects.ts';
import {
  type DryRunAnswer,
  judgeRestricted,
  restrictedProbe,
} from '../../../src/engines/kubernetes/restricted-probe.ts';
import { type PodInstallation, serverMark } from '../../../src/engines/kubernetes/settings.ts';
import type { Shape } from '../../../src/protocol/operator-api.ts';
import type { Clock } from '../../kube/base/clock.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
import type { NewObject, WriteOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { networkPolicies, serviceAccounts } from '../shared/kube-kinds.ts';
import { refusalWords } from '../shared/next-steps.ts';
import { type SandboxPod, sandboxPods } from '../shared/pods.ts';
import type { RunReason } from '../shared/vocabulary.ts';
import { probeJob } from './resources.ts';

/** Why no Job may be made in a namespace. */
export interface NamespaceProblem {
  readonly reason: RunReason<'Planned'>;
  readonly message: string;
}

/** Labels and policies of a namespace may change under us: what was proven is proven again. */
const PROVEN_MS = 5 * 60_000;
/** Somebody may be about to put it right. */
const REFUSED_MS = 15_000;
const MAX_KEPT = 1000;

interface Proof {
  readonly at: number;
  readonly problem: NamespaceProblem | undefined;
}

/**
 * Prepares namespaces for sandbox pods and proves that they hold them (design: rollouts.md 6). What
 * was found is kept for minutes, by namespace and by what the batch's pods ask of it.
 */
export class NamespaceKeeper {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #proofs = new Map<string, Proof>();
  readonly #doubted = new Set<string>();

  constructor(client: KubeClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Nothing runs there any more: it may be deleted and made again, without what pods need. */
  forget(namespace: string): void {
    this.#doubted.delete(namespace);
    for (const key of this.#proofs.keys())
      if (key.startsWith(`${namespace} `)) this.#proofs.delete(key);
  }

  /** Pods are refused: what was proven may have been taken away, and is proven again soon. */
  doubt(namespace: string): void {
    this.#doubted.add(namespace);
  }

  isDoubted(namespace: string): boolean {
    return this.#doubted.has(namespace);
  }

  /** For pods that run nothing foreign: what they need is there, whatever the namespace enforces. */
  async prepare(
    namespace: string,
    installation: PodInstallation,
    call: WriteOptions,
  ): Promise<NamespaceProblem | undefined> {
    const key = `${namespace} ${serverMark(installation.server)}`;
    const known = this.#proofs.get(key);
    const age = known === undefined ? 0 : this.#clock.monotonic() - known.at;
    if (known !== undefined && age < (known.problem === undefined ? PROVEN_MS : REFUSED_MS))
      return known.problem;
    const problem = await this.#applied(namespace, installation, call);
    if (this.#proofs.size >= MAX_KEPT) this.#proofs.clear();
    this.#proofs.set(key, { at: this.#clock.monotonic(), problem });
    return problem;
  }

  /** Undefined where Jobs may be made. */
  async problemOf(
    batch: RolloutBatch,
    shape: Shape,
    installation: PodInstallation,
    call: WriteOptions,
  ): Promise<NamespaceProblem | undefined> {
    const { namespace = '' } = batch.metadata;
    const asked = [batch.spec.sandbox, serverMark(installation.server), shape.image];
    const key = `${namespace} ${canonicalJson(asked)}`;
    const known = this.#proofs.get(key);
    const age = known === undefined ? 0 : this.#clock.monotonic() - known.at;
    const sure = known?.problem === undefined && !this.isDoubted(namespace);
    if (known !== undefined && age < (sure ? PROVEN_MS : REFUSED_MS)) return known.problem;
    const problem = await this.#prove(batch, shape, installation, call);
    this.#doubted.delete(namespace);
    if (this.#proofs.size >= MAX_KEPT) this.#proofs.clear();
    this.#proofs.set(key, { at: this.#clock.monotonic(), problem });
    return problem;
  }

  async #prove(
    batch: RolloutBatch,
    shape: Shape,
    installation: PodInstallation,
    call: WriteOptions,
  ): Promise<NamespaceProblem | undefined> {
    const { namespace = '' } = batch.metadata;
    const unprepared = await this.#applied(namespace, installation, call);
    if (unprepared !== undefined) return unprepared;
    const probe = restrictedProbe(probeJob(batch, shape, installation));
    const plain = await this.#dryRun(probe.plain, call);
    const sandbox = await this.#dryRun(probe.sandbox, call);
    return judgeRestricted(namespace, plain, sandbox);
  }

  async #applied(
    namespace: string,
    installation: PodInstallation,
    call: WriteOptions,
  ): Promise<NamespaceProblem | undefined> {
    try {
      await this.#apply(namespace, installation, call);
      return undefined;
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown;
      return {
        reason: 'NamespaceNotPrepared',
        message: `namespace ${namespace}: service account and network policies of sandbox pods cannot be applied: ${refusalWords(thrown)}`,
      };
    }
  }

  async #apply(
    namespace: string,
    { settings }: PodInstallation,
    call: WriteOptions,
  ): Promise<void> {
    const { serviceAccount, networkPolicies: policies } = namespaceObjects(
      namespace,
      settings.server,
    );
    const options = { ...call, force: true };
    for (const policy of policies)
      await this.#client.for(networkPolicies).apply({ ...policy }, options);
    await this.#client.for(serviceAccounts).apply({ ...serviceAccount }, options);
  }

  async #dryRun(pod: NewObject<SandboxPod>, call: WriteOptions): Promise<DryRunAnswer> {
    try {
      await this.#client.for(sandboxPods).create(pod, { ...call, dryRun: true });
      return { admitted: true };
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown;
      return { admitted: false, message: thrown.message };
    }
  }
}

/** The API server said no, and time alone does not change its mind. */
function isRefusal(thrown: unknown): thrown is KubeError {
  return thrown instanceof KubeError && ['Forbidden', 'Invalid', 'NotFound'].includes(thrown.code);
}
