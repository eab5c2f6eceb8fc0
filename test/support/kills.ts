import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { parseJson } from '../../src/base/brand.ts';
import { ClawError } from '../../src/base/error.ts';
import { LABELS } from '../../src/protocol/pod-contract.ts';
import { API_SERVER } from '../cluster/control-plane.ts';
import type { ClusterNode, NodeLayer } from '../cluster/node/node-layer.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import type { Random } from './fault-proxy/rules.ts';
import type { Installation } from './installation.ts';

/** What a kill takes away; all of it comes back before the kill is over. */
export const KILLS = [
  'operator',
  'server',
  'kubelet',
  'API server',
  'sandbox pods',
  'node tainted',
  'node stopped',
] as const;
export type KillName = (typeof KILLS)[number];

const zPods = z.object({
  items: z.array(
    z.looseObject({
      metadata: z.looseObject({ name: z.string(), deletionTimestamp: z.string().optional() }),
      spec: z.looseObject({ nodeName: z.string().optional() }),
      status: z.looseObject({
        phase: z.string(),
        containerStatuses: z
          .array(z.looseObject({ containerID: z.string().optional(), restartCount: z.number() }))
          .default([]),
      }),
    }),
  ),
});
type Pod = z.infer<typeof zPods>['items'][number];

/** Where pods may be taken from; the model of the runs stays on the other node. */
const VICTIM = 'node-2';
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service=nodeshutdown:NoExecute';
const TAINT = 'test.clawgym.io/taken=away:NoExecute';
const BACK_SECONDS = 180;

/** So many kills, each kind once before any comes again, in an order that the seed decides. */
export function drawKills(count: number, random: Random): readonly KillName[] {
  const drawn: KillName[] = [];
  while (drawn.length < count) drawn.push(...shuffled(KILLS, random));
  return drawn.slice(0, count);
}

/** An installation on a node layer of two nodes. */
export interface Target {
  readonly layer: NodeLayer;
  readonly installation: Installation;
}

/** Kills parts of a cluster while it works. */
export class Killer {
  readonly #bed: Target;
  readonly #random: Random;
  readonly #kinds: Readonly<Record<KillName, () => Promise<void>>>;

  constructor(bed: Target, random: Random) {
    this.#bed = bed;
    this.#random = random;
    this.#kinds = {
      operator: () => this.endComponent('operator'),
      server: () => this.endComponent('server'),
      kubelet: () => this.#restartKubelet(),
      'API server': () => this.#killApiServer(),
      'sandbox pods': () => this.#deletePods(),
      'node tainted': () => this.#taint(),
      'node stopped': () => this.#stopNode(),
    };
  }

  /** Resolves when what was killed is back. */
  async kill(name: KillName): Promise<void> {
    await this.#kinds[name]();
  }

  /**
   * Kills the container of a program of ours; its pod is deleted instead where the kubelet would let
   * a container that dies again wait.
   */
  async endComponent(component: 'operator' | 'server'): Promise<void> {
    const label = `app.kubernetes.io/component=${component}`;
    let pod: Pod | undefined;
    await waitUntil(
      async () => {
        const pods = await this.#pods(label);
        pod = pods.find(
          ({ metadata, status }) =>
            metadata.deletionTimestamp === undefined && status.phase === 'Running',
        );
        return pod !== undefined;
      },
      { what: `a pod of the ${component} runs`, seconds: BACK_SECONDS },
    );
    const { metadata, spec, status } = found(pod, component);
    const [container] = status.containerStatuses;
    if (container?.containerID === undefined || container.restartCount > 0) {
      await this.#kubectl(['delete', 'pod', metadata.name]);
    } else {
      await this.#bed.layer.node(spec.nodeName ?? '').killFirstProcess(container.containerID);
      // The status still says that it is ready.
      await this.#restarted(label, metadata.name);
    }
    await this.#bed.installation.ready();
  }

  async #restarted(label: string, name: string): Promise<void> {
    await waitUntil(
      async () => {
        const pod = (await this.#pods(label)).find(({ metadata }) => metadata.name === name);
        return (pod?.status.containerStatuses[0]?.restartCount ?? 1) > 0;
      },
      { what: `${name} has been started again`, seconds: BACK_SECONDS },
    );
  }

  async #restartKubelet(): Promise<void> {
    const node = found(shuffled(this.#bed.layer.nodes, this.#random)[0], 'node');
    await node.stopKubelet();
    await this.#pause(3, 12);
    await node.startKubelet();
  }

  async #killApiServer(): Promise<void> {
    const { cluster } = this.#bed.installation;
    await cluster.signalProgram(API_SERVER, 'SIGKILL');
    await waitUntil(
      async () => {
        const programs = await cluster.programs();
        return programs.some(({ name, running }) => name === API_SERVER && !running);
      },
      { what: 'the API server has ended', seconds: 30 },
    );
    await this.#pause(1, 8);
    await cluster.startProgram(API_SERVER);
  }

  /** Half of the sandbox pods, with or without the time to end. */
  async #deletePods(): Promise<void> {
    let pods: readonly Pod[] = [];
    await waitUntil(
      async () => {
        const all = await this.#pods(LABELS.batch);
        pods = all.filter(({ status }) => status.phase === 'Running');
        return pods.length > 0;
      },
      { what: 'a sandbox pod runs', seconds: BACK_SECONDS },
    );
    const names = shuffled(pods, this.#random).map(({ metadata }) => metadata.name);
    const half = names.slice(0, Math.ceil(names.length / 2));
    const at = this.#random() < 0.5 ? ['--force', '--grace-period=0'] : [];
    await this.#kubectl(['delete', 'pod', '--wait=false', '--ignore-not-found', ...at, ...half]);
  }

  async #taint(): Promise<void> {
    await this.#cluster(['taint', 'node', VICTIM, TAINT]);
    await this.#pause(4, 12);
    await this.#cluster(['taint', 'node', VICTIM, `${TAINT}-`]);
    await this.#bed.installation.ready();
  }

  /** Its kubelet is gone, its pods are given up by the cluster, and go on until it comes back. */
  async #stopNode(): Promise<void> {
    const node = this.#bed.layer.node(VICTIM);
    await node.stopKubelet();
    try {
      await waitUntil(() => this.#isLost(node), { what: `${VICTIM} is lost`, seconds: 60 });
      await this.#cluster(['taint', 'node', VICTIM, OUT_OF_SERVICE]);
      await this.#pause(4, 12);
    } finally {
      await node.startKubelet();
      await this.#cluster(['taint', 'node', VICTIM, `${OUT_OF_SERVICE}-`]);
    }
    await this.#bed.installation.ready();
  }

  async #isLost(node: ClusterNode): Promise<boolean> {
    return !(await this.#bed.layer.api.hasCondition(`/api/v1/nodes/${node.name}`, 'Ready'));
  }

  async #pods(label: string): Promise<readonly Pod[]> {
    return zPods.parse(
      parseJson(await this.#kubectl(['get', 'pods', '--selector', label, '--output', 'json'])),
    ).items;
  }

  async #kubectl(args: readonly string[]): Promise<string> {
    return await this.#cluster(['--namespace', this.#bed.installation.namespace, ...args]);
  }

  async #cluster(args: readonly string[]): Promise<string> {
    return await this.#bed.installation.cluster.kubectl(args);
  }

  async #pause(least: number, most: number): Promise<void> {
    await setTimeout((least + this.#random() * (most - least)) * 1000);
  }
}

function shuffled<T>(all: readonly T[], random: Random): readonly T[] {
  return all
    .map((value) => ({ value, at: random() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ value }) => value);
}

function found<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new ClawError('NotFound', `no ${what} is there to be killed`);
}
