import { cpus } from 'node:os';
import type { PodCpu } from './pod-cpu.ts';
import type { PodWatch } from './pod-watch.ts';
import { cpuByPhase, podSpans, type RunFigures } from './run-figures.ts';

/** Programs of the installation, by what their pods' names begin with, beside the pods of runs. */
export type OwnPods = ReadonlyMap<string, string>;

/** Measures one run: what was used and seen from `start` to `stop`. */
export class RunClock {
  readonly #cpu: PodCpu;
  readonly #own: OwnPods;
  readonly #watch: PodWatch;
  readonly #began = { at: Date.now(), monotonic: performance.now(), host: hostSeconds() };
  readonly #before: ReturnType<PodCpu['usage']>;

  /** @param own uids of the installation's programs, by name. */
  constructor(cpu: PodCpu, watch: PodWatch, own: OwnPods) {
    this.#cpu = cpu;
    this.#watch = watch;
    this.#own = own;
    this.#before = cpu.usage();
  }

  /** Milliseconds since the epoch. */
  get began(): number {
    return this.#began.at;
  }

  /** `pods` are to be read later, when all have ended: what they did is written late. */
  stop(): () => RunFigures {
    const wall = (performance.now() - this.#began.monotonic) / 1000;
    const host = hostSeconds() - this.#began.host;
    const own = this.#cpu.usage();
    return () => {
      const pods = this.#watch.pods.filter(
        ({ metadata }) => Date.parse(metadata.creationTimestamp ?? '') >= this.began - 1000,
      );
      const cpu = cpuByPhase(pods, this.#cpu.usage());
      for (const [name, uid] of this.#own) {
        const used = own.get(uid)?.total ?? 0;
        cpu.set(name, used - (this.#before.get(uid)?.total ?? 0));
      }
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
