import { LABELS } from '../../../src/protocol/pod-contract.ts';
import type { PodUsage } from './pod-cpu.ts';
import { type ContainerTimes, endedContainers, type WatchedPod } from './pod-watch.ts';

const PHASES = ['rollout', 'verify'] as const;
const CONTAINERS = {
  rollout: ['stage', 'companion', 'agent'],
  verify: ['fetch', 'report', 'grade'],
};

/** What one run of either side took, for people: seconds by what they went to. */
export interface RunFigures {
  /** From its creation until it was seen to be complete. */
  readonly wall: number;
  /** CPU seconds of all pods by container, `pod` for what is no container's, and by program of ours. */
  readonly cpu: ReadonlyMap<string, number>;
  /** Mean seconds a pod; stamps have whole seconds, so that a mean over many is right. */
  readonly spans: ReadonlyMap<string, number>;
}

export function cpuByPhase(
  pods: readonly WatchedPod[],
  usage: ReadonlyMap<string, PodUsage>,
): Map<string, number> {
  const cpu = new Map<string, number>();
  const add = (name: string, seconds: number): void => {
    cpu.set(name, (cpu.get(name) ?? 0) + seconds);
  };
  for (const pod of pods) {
    const used = usage.get(pod.metadata.uid ?? '');
    const phase = phaseOf(pod);
    if (used === undefined || phase === undefined) continue;
    let rest = used.total;
    for (const { name, id } of endedContainers(pod)) {
      const seconds = used.containers.get(id) ?? 0;
      add(name, seconds);
      rest -= seconds;
    }
    add(`${phase} pod itself`, rest);
  }
  return cpu;
}

/** Where the time of pods goes, from one thing to the next. */
export function podSpans(pods: readonly WatchedPod[], began: number): Map<string, number> {
  const spans = new Map<string, number>();
  for (const phase of PHASES) {
    const [first = '', beside = '', main = ''] = CONTAINERS[phase];
    const times = pods
      .filter((pod) => phaseOf(pod) === phase)
      .flatMap((pod) => {
        const containers = new Map(endedContainers(pod).map((one) => [one.name, one]));
        const [a, b, c] = [first, beside, main].map((name) => containers.get(name));
        const created = Date.parse(pod.metadata.creationTimestamp ?? '');
        return a && b && c ? [{ created, a, b, c }] : [];
      });
    const mean = (name: string, of: (time: Times) => number): void => {
      const sum = times.reduce((total, time) => total + of(time), 0);
      spans.set(`${phase}: ${name}`, sum / Math.max(1, times.length) / 1000);
    };
    mean(`created -> ${first} started`, ({ created, a }) => a.started - created);
    mean(`${first} started -> ended`, ({ a }) => a.ended - a.started);
    mean(`${first} ended -> ${beside} started`, ({ a, b }) => b.started - a.ended);
    mean(`${beside} started -> ${main} started`, ({ b, c }) => c.started - b.started);
    mean(`${main} started -> ended`, ({ c }) => c.ended - c.started);
    mean(`${main} ended -> ${beside} ended`, ({ b, c }) => b.ended - c.ended);
    mean('pod, first to last', ({ created, b }) => b.ended - created);
    const firsts = times.map(({ created }) => created - began);
    const lasts = times.map(({ b }) => b.ended - began);
    spans.set(`${phase}: first pod created at`, Math.min(...firsts) / 1000);
    spans.set(`${phase}: last pod ended at`, Math.max(...lasts) / 1000);
  }
  return spans;
}

interface Times {
  readonly created: number;
  readonly a: ContainerTimes;
  readonly b: ContainerTimes;
  readonly c: ContainerTimes;
}

function phaseOf({ metadata }: WatchedPod): 'rollout' | 'verify' | undefined {
  const phase = metadata.labels?.[LABELS.phase];
  return PHASES.find((known) => known === phase);
}

/** One line a figure, product beside bare Jobs. */
export function figuresTable(product: RunFigures, bare: RunFigures): readonly string[] {
  const line = (name: string, one: number | undefined, other: number | undefined): string => {
    const cell = (value: number | undefined): string => (value?.toFixed(2) ?? '-').padStart(9);
    return `${name.padEnd(44)}${cell(one)}${cell(other)}`;
  };
  const rows = (what: 'cpu' | 'spans'): readonly string[] =>
    [...new Set([...product[what].keys(), ...bare[what].keys()])].map((name) =>
      line(`  ${name}`, product[what].get(name), bare[what].get(name)),
    );
  return [
    `${''.padEnd(44)}  product     bare`,
    line('wall seconds', product.wall, bare.wall),
    'CPU seconds',
    ...rows('cpu'),
    'mean seconds of a pod',
    ...rows('spans'),
  ];
}
