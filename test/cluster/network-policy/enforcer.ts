import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Random } from '../../../operator/kube/base/clock.ts';
import { createCache, type InformerCache } from '../../../operator/kube/cache/informer-cache.ts';
import type { KubeClient } from '../../../operator/kube/client/typed-client.ts';
import { type KubeObject, zKubeObject } from '../../../operator/kube/objects/kube-object.ts';
import { keyOf, keyText } from '../../../operator/kube/objects/object-key.ts';
import { defineResource } from '../../../operator/kube/objects/resource.ts';
import { errorMessage } from '../../../src/base/error.ts';
import type { Logger } from '../../../src/base/logger.ts';
import type { EnforcerStatus } from './enforcer-status.ts';
import { GivenAddresses } from './given-addresses.ts';
import { lockDownRefused } from './lock-down.ts';
import { type PolicyNode, type PolicyObjects, translate, worldOf } from './translate.ts';

/** A node whose packets are filtered. */
export interface EnforcedNode extends PolicyNode {
  /** Where libcni keeps its notes about this node's pods, as this process sees the folder. */
  readonly cniResults: string;
  /** Loads a ruleset file into the node's network namespace, all of it or nothing. */
  readonly load: (rulesetPath: string) => Promise<unknown>;
}

export interface EnforcerOptions {
  readonly client: KubeClient;
  readonly nodes: readonly EnforcedNode[];
  /** For ruleset files. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Called after each pass that changed anything. */
  readonly onStatus: (status: EnforcerStatus) => void;
}

const resource = (group: string, kind: string, plural: string, namespaced = true) =>
  defineResource({ group, version: 'v1', kind, plural, namespaced, schema: zKubeObject });
const POLICIES = resource('networking.k8s.io', 'NetworkPolicy', 'networkpolicies');
const PODS = resource('', 'Pod', 'pods');
const NAMESPACES = resource('', 'Namespace', 'namespaces', false);

/** Changes that come together become one ruleset. */
const GATHER_MS = 10;
/** A change that no watch told of is found within this time. */
const LOOK_AGAIN_MS = 1000;

/** Keeps the packet filters of nodes in line with the cluster's NetworkPolicies. */
export class NetworkPolicyEnforcer {
  readonly #options: EnforcerOptions;
  readonly #caches: Readonly<Record<'policies' | 'pods' | 'namespaces', InformerCache<KubeObject>>>;
  readonly #loaded = new Map<string, string>();
  readonly #first = Promise.withResolvers<void>();
  #wake: () => void = () => undefined;
  #told = '';
  #complaint = '';

  constructor(options: EnforcerOptions) {
    this.#options = options;
    // Whoever does not wait for it hears of a failure from `run`.
    this.#first.promise.catch(() => undefined);
    const { client, clock, random } = options;
    const cache = (of: typeof PODS) => createCache({ client: client.for(of), clock, random });
    this.#caches = {
      policies: cache(POLICIES),
      pods: cache(PODS),
      namespaces: cache(NAMESPACES),
    };
  }

  /** Resolves when every node has its first ruleset; rejects where `run` ended before. */
  get ready(): Promise<void> {
    return this.#first.promise;
  }

  /** Works until the signal aborts; the rulesets stay as they are then. */
  async run(signal: AbortSignal): Promise<void> {
    const { nodes } = this.#options;
    const caches = Object.values(this.#caches);
    const running = Promise.all(caches.map((cache) => cache.run(signal)));
    using notes = new NotesOfNodes(nodes, () => this.#wake());
    try {
      await Promise.all(caches.map((cache) => cache.whenSynced(signal)));
      for (const cache of caches) cache.subscribe(() => this.#wake());
      while (!signal.aborted) {
        const changed = this.#nextChange(signal);
        await this.#pass(notes, signal);
        await changed;
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    } finally {
      this.#first.reject(signal.reason);
    }
    await running;
  }

  async #nextChange(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const quiet = new AbortController();
    const until = AbortSignal.any([signal, quiet.signal]);
    await Promise.race([promise, clock.sleep(LOOK_AGAIN_MS, until).catch(() => undefined)]);
    quiet.abort();
    if (!signal.aborted) await clock.sleep(GATHER_MS, signal).catch(() => undefined);
  }

  async #pass(notes: NotesOfNodes, signal: AbortSignal): Promise<void> {
    // One state for rules and status: the caches go on while rulesets are loaded.
    const written = this.#caches.policies.list();
    const objects: PolicyObjects = {
      policies: written,
      pods: this.#caches.pods.list(),
      namespaces: this.#caches.namespaces.list(),
      given: notes.list(),
    };
    const { policies, refusals } = lockDownRefused(objects);
    const problems = [...refusals];
    let failed = false;
    for (const node of this.#options.nodes) {
      try {
        await this.#load(node, translate({ ...objects, policies }, node));
      } catch (thrown) {
        // A load that the end interrupted is no finding.
        if (signal.aborted) return;
        failed = true;
        problems.push(`${node.name}: ${errorMessage(thrown)}`);
      }
    }
    if (!failed) this.#first.resolve();
    this.#tell({
      state: failed ? 'failed' : refusals.length > 0 ? 'refused' : 'enforcing',
      message: problems.join('\n'),
      policies: failed ? {} : versions(written),
      pods: failed ? {} : addressesOf(objects),
    });
  }

  async #load(node: EnforcedNode, text: string): Promise<void> {
    if (this.#loaded.get(node.name) === text) return;
    const path = join(this.#options.folder, `${node.name}-network-policy.nft`);
    writeFileSync(path, text);
    await node.load(path);
    this.#loaded.set(node.name, text);
  }

  #tell(status: EnforcerStatus): void {
    const text = JSON.stringify(status);
    if (text === this.#told) return;
    this.#told = text;
    if (status.message !== this.#complaint && status.state !== 'enforcing')
      this.#options.logger.error(
        { state: status.state },
        `network policies are not enforced as written: ${status.message}`,
      );
    this.#complaint = status.message;
    this.#options.onStatus(status);
  }
}

class NotesOfNodes implements Disposable {
  readonly #notes: readonly GivenAddresses[];

  constructor(nodes: readonly EnforcedNode[], changed: () => void) {
    this.#notes = nodes.map(({ cniResults }) => new GivenAddresses(cniResults, changed));
  }

  list() {
    return this.#notes.flatMap((notes) => notes.list());
  }

  [Symbol.dispose](): void {
    for (const notes of this.#notes) notes[Symbol.dispose]();
  }
}

function versions(objects: readonly KubeObject[]): Record<string, string> {
  return Object.fromEntries(
    objects.map((object) => [keyText(keyOf(object)), object.metadata.resourceVersion ?? '']),
  );
}

function addressesOf(objects: PolicyObjects): Record<string, string[]> {
  const byPod = Map.groupBy(
    worldOf(objects).endpoints,
    ({ pod: { metadata } }) => `${metadata.namespace}/${metadata.name}`,
  );
  return Object.fromEntries(
    [...byPod].map(([pod, found]) => [pod, found.map(({ address }) => address)]),
  );
}
