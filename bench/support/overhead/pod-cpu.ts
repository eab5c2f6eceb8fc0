import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupPaths, isCgroupV2 } from '../../../test/cluster/node/cgroups.ts';
import type { NodeLayer } from '../../../test/cluster/node/node-layer.ts';

const SAMPLE_MS = 200;
const POD = /^pod([0-9a-f-]{36})$/;

/** CPU seconds of one pod so far: of its containers by id, and of all that it has. */
export interface PodUsage {
  readonly total: number;
  readonly containers: ReadonlyMap<string, number>;
}

interface Counted {
  total: number;
  readonly containers: Map<string, number>;
  live: Set<string>;
}

/**
 * CPU seconds by the kernel's own accounting of the nodes' pods, read every so often: a cgroup takes
 * its count with it when it goes. A pod's cgroup outlives its containers and counts them to the end, so
 * what a container used after the last look is known from its pod.
 */
export class PodCpu implements Disposable {
  readonly #v2 = isCgroupV2();
  readonly #roots: readonly string[];
  readonly #pods = new Map<string, Counted>();
  readonly #timer: NodeJS.Timeout;

  constructor(layer: NodeLayer) {
    this.#roots = layer.nodes.flatMap(({ state }) =>
      cgroupPaths(state.cgroup).filter((path) => this.#v2 || path.includes('/cpuacct/')),
    );
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** By uid of the pod; a copy of what is known now. */
  usage(): ReadonlyMap<string, PodUsage> {
    this.#sample();
    return new Map(
      [...this.#pods].map(([uid, { total, containers }]) => [
        uid,
        { total, containers: new Map(containers) },
      ]),
    );
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    for (const root of this.#roots) {
      for (const [uid, path] of podFolders(root)) this.#samplePod(uid, path);
    }
  }

  #samplePod(uid: string, path: string): void {
    const total = this.#seconds(path);
    if (total === undefined) return;
    const fresh: Counted = { total: 0, containers: new Map(), live: new Set() };
    const pod = this.#pods.get(uid) ?? fresh;
    this.#pods.set(uid, pod);
    const live = new Set(folders(path));
    const ended = [...pod.live].filter((id) => !live.has(id));
    for (const id of live) {
      const used = this.#seconds(join(path, id));
      if (used !== undefined) pod.containers.set(id, used);
    }
    const known = [...pod.containers.values()].reduce((sum, used) => sum + used, 0);
    // Of several that ended at once nobody can tell; that is rare at this pace.
    for (const id of ended) {
      const rest = Math.max(0, total - known) / ended.length;
      pod.containers.set(id, (pod.containers.get(id) ?? 0) + rest);
    }
    Object.assign(pod, { total, live });
  }

  #seconds(path: string): number | undefined {
    try {
      if (!this.#v2) return Number(readFileSync(join(path, 'cpuacct.usage'), 'utf8')) / 1e9;
      const stat = readFileSync(join(path, 'cpu.stat'), 'utf8');
      const line = /^usage_usec (\d+)$/m.exec(stat);
      return line === null ? undefined : Number(line[1]) / 1e6;
    } catch {
      return undefined;
    }
  }
}

/** Pods lie directly below `kubepods`, or one class of service deeper. */
function podFolders(root: string): readonly (readonly [string, string])[] {
  const parent = join(root, 'kubepods');
  const parents = [parent, join(parent, 'burstable'), join(parent, 'besteffort')];
  return parents.flatMap((path) =>
    folders(path).flatMap((name) => {
      const uid = POD.exec(name)?.[1];
      return uid === undefined ? [] : [[uid, join(path, name)] as const];
    }),
  );
}

/** Empty where it is gone by now. */
function folders(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}
