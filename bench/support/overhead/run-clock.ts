import { cpus } from 'node:os';
import type { PodCpu } from './pod-cpu.ts';
import type { PodWatch } from './pod-watch.ts';
import { cpuByPhase, podSpans, type RunFigures } from './run-figures.ts';
import { treeSeconds } from './tree-cpu.ts';

/** What of the cluster is measured beside the pods of runs. */
export interface ClusterParts {
  /** Uids of the pods of the installation's programs, by name. */
  readonly own: ReadonlyMap<string, string>;
  /** Ids of the processes that are all of the cluster, with what they start. */
  readonly processes: readonly number[];
}

/** Measures one run: what was used and seen from `start` to `stop`. */
export class RunClock {
  readonly #cpu: PodCpu;
  readonly #parts: ClusterParts;
  readonly #watch: PodWatch;
  readonly #began = { at: Date.now(), monotonic: performance.now(), host: hostSeconds() };
  readonly #cluster: number;
  readonly #before: ReturnType<PodCpu['usage']>;

  constructor(cpu: PodCpu, watch: PodWatch, parts: ClusterParts) {
    this.#cpu = cpu;
    this.#watch = watch;
    this.#parts = parts;
    this.#before = cpu.usage();
    this.#cluster = treeSeconds(parts.processes);
  }

  /** Milliseconds since the epoch. */
  get began(): number {
    return this.#began.at;
  }

  /** `pods` are to be read later, when all have ended: what they did is written late. */
  stop(): () => RunFigures {
    const wall = (performance.now() - this.#began.monotonic) / 1000;
    const host = hostSeconds() - this.#began.host;
    const cluster = treeSeconds(this.#parts.processes) - this.#cluster;
    const own = this.#cpu.usage();
    return () => {
      const pods = this.#watch.pods.filter(
        ({ metadata }) => Date.parse(metadata.creationTimestamp ?? '') >= this.began - 1000,
      );
      const cpu = cpuByPhase(pods, this.#cpu.usage());
      for (const [name, uid] of this.#parts.own) {
        const used = own.get(uid)?.total ?? 0;
        cpu.set(name, used - (this.#before.get(uid)?.total ?? 0));
      }
      cpu.set('cluster with all its pods', cluster);
      cpu.set('host, all programs', host);
      return { wall, cpu, spans: podSpans(pods, this.began) };
    };
  }
}

/** CPU seconds that this machine has spent since its start, whoever used them. */
function hostSeconds(): number {
  const busy = cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq);
  return busy.reduce((sum, ms) => sum + ms, 0) / 1000;
}
