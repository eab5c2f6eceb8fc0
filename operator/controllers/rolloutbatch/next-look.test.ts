import { expect, test } from 'vitest';
import { batchState, jobState } from '../../../test/support/batch-cases.ts';
import type { Findings } from './findings.ts';
import { nextLook } from './next-look.ts';

const TICK = 1000;
const { uid: _uid, ...unmade } = jobState('b');
const jobsForbidden = { reason: 'JobsForbidden', message: 'no right' } as const;
const podsForbidden = { reason: 'PodsForbidden', message: 'exceeded quota' } as const;

test.each<[string, Partial<Findings>, number | undefined]>([
  ['work waits', { state: batchState() }, TICK],
  ['nothing is known yet', {}, TICK],
  ['paused, nothing lives', { mode: 'pause', state: batchState() }, undefined],
  [
    'the server is away',
    { hindrance: { kind: 'server', message: 'no' }, state: batchState() },
    15_000,
  ],
  ['Jobs are refused', { forbidden: jobsForbidden, state: batchState() }, 15_000],
  [
    'a Job with rows is refused',
    { forbidden: jobsForbidden, state: batchState({ jobs: [unmade] }) },
    15_000,
  ],
  [
    'a Job is refused while another works',
    { forbidden: jobsForbidden, state: batchState({ jobs: [jobState('a'), unmade] }) },
    TICK,
  ],
  [
    'pods are refused: what runs goes on',
    { forbidden: podsForbidden, state: batchState({ jobs: [jobState('a')] }) },
    TICK,
  ],
])('%s', (_name, findings, expected) => {
  const all = {
    ...{ forbidden: undefined, hindrance: undefined, mode: 'run', state: undefined },
    ...findings,
  } as Findings;
  expect(nextLook({ tickMs: TICK }, all)).toBe(expected);
});
