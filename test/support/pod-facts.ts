import type { ContainerFacts, PodFacts } from '../../src/rollouts/pod-facts.ts';

/** The moment at which the pods of these tests are looked at. */
export const NOW = Date.parse('2026-01-01T01:00:00Z');
/** A deletionTimestamp more than a minute ago. */
export const GRACE_OVER = '2026-01-01T00:58:59Z';

type Terminated = NonNullable<ContainerFacts['terminated']>;

/** A container that ran for 90 seconds and ended by exit 0. */
export function anEndedContainer(name: string, over: Partial<Terminated> = {}): ContainerFacts {
  const { exitCode = 0 } = over;
  return {
    name,
    state: 'terminated',
    terminated: {
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
      startedAt: '2026-01-01T00:30:00Z',
      finishedAt: '2026-01-01T00:31:30Z',
      ...over,
    },
  };
}

/** A pod that ended and is still there. */
export function aPod(over: Partial<PodFacts> = {}): PodFacts {
  return { phase: 'Succeeded', gone: false, containers: [], ...over };
}
