import { describe, expect, test } from 'vitest';
import { clawTask } from '../../../src/api/claw-task.ts';
import { asSha256 } from '../../../src/base/brand.ts';
import { GATES, type Gate } from '../../../src/rollouts/gates/gate-runs.ts';
import { failed, passed, unknown, type Verdict } from '../../../src/rollouts/gates/verdict.ts';
import { everyGate } from '../../../src/rollouts/gates/verdicts.ts';
import { kstatus } from '../../../test/support/kstatus.ts';
import { NOW, taskOf } from '../../../test/support/run-objects.ts';
import { findCondition } from '../../kube/objects/conditions.ts';
import type { FrozenTask } from './plan.ts';
import { type GateVerdicts, taskStatus } from './status.ts';

const DIGEST = asSha256('1d'.repeat(32));
const frozen = (agentCode: 'child' | 'unknown' = 'child'): FrozenTask => ({
  taskSet: DIGEST,
  facts: {
    ...{ id: 'rename', digest: DIGEST, agentCode, problems: [] },
    ...{ hasSolution: true, hasVerifier: true },
  },
});
const but = (changes: Partial<Record<Gate, Verdict>>): GateVerdicts => ({
  ...everyGate(passed('fine')),
  ...changes,
});
const waiting = unknown('Waiting', 'not begun');
const running = unknown('Running', '1 of 3');

describe('Ready is the summary of the gates', () => {
  test.each<[string, GateVerdicts, string, string, string]>([
    ['all passed', but({}), 'True AllGatesPassed', '6/6', 'Current'],
    [
      'the server is of another release',
      everyGate(unknown('ServerIncompatible', 'speaks 3')),
      'Unknown ServerIncompatible',
      '0/6',
      'Failed',
    ],
    ['nothing known yet', everyGate(waiting), 'Unknown Waiting', '0/6', 'InProgress'],
    [
      'some run',
      but({ NopPassed: waiting, CheatsPassed: running }),
      'Unknown Running',
      '4/6',
      'InProgress',
    ],
    [
      'one failed, others run',
      but({ NopPassed: failed('PaysForNothing', 'x'), CheatsPassed: running }),
      'False PaysForNothing',
      '4/6',
      'InProgress',
    ],
    [
      'one failed, the rest is done',
      but({ LazyPassed: failed('PaysForPlaceholders', 'x') }),
      'False PaysForPlaceholders',
      '5/6',
      'Failed',
    ],
    [
      'no solution',
      but({ SolutionPassed: unknown('NoSolution', 'add one') }),
      'Unknown NoSolution',
      '5/6',
      'Failed',
    ],
    [
      'no solution, others run',
      but({ SolutionPassed: unknown('NoSolution', 'add one'), NopPassed: running }),
      'Unknown Running',
      '4/6',
      'InProgress',
    ],
    [
      'lost data',
      but({ NopPassed: unknown('MissingData', 'again') }),
      'Unknown MissingData',
      '5/6',
      'Failed',
    ],
    [
      'suspended',
      but({ NopPassed: unknown('Suspended', 's'), LazyPassed: unknown('Suspended', 's') }),
      'Unknown Suspended',
      '4/6',
      'InProgress',
    ],
    [
      'a run is stalled, others run',
      but({ NopPassed: unknown('RunStalled', 'label it'), LazyPassed: running }),
      'Unknown Running',
      '4/6',
      'Failed',
    ],
    [
      'static problems',
      everyGate(unknown('StaticFailed', 'not run'), failed('ProblemsFound', 'x')),
      'False ProblemsFound',
      '0/6',
      'Failed',
    ],
    [
      'the server is away',
      everyGate(unknown('ServerUnavailable', 'no answer')),
      'Unknown ServerUnavailable',
      '0/6',
      'InProgress',
    ],
  ])('%s', (_name, verdicts, ready, gates, read) => {
    const task = taskOf();
    const status = taskStatus(task, frozen(), verdicts, NOW);
    const found = findCondition(status.conditions, 'Ready');
    expect(`${found?.status} ${found?.reason}`).toBe(ready);
    expect(status.gates).toBe(gates);
    expect(kstatus({ metadata: task.metadata, status })).toBe(read);
    const newer = { ...task.metadata, generation: (task.metadata.generation ?? 0) + 1 };
    expect(kstatus({ metadata: newer, status })).toBe('InProgress');
    const going = { ...task.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(kstatus({ metadata: going, status })).toBe('Terminating');
    expect(clawTask.status.safeParse(status).error?.issues).toBeUndefined();
    for (const gate of GATES)
      expect(findCondition(status.conditions, gate)).toMatchObject(verdicts[gate]);
  });
});

test('the summary names the gate', () => {
  const verdicts = but({ NopPassed: failed('PaysForNothing', 'an untouched workspace earns 0.1') });
  const { conditions } = taskStatus(taskOf(), frozen(), verdicts, NOW);
  const message = 'NopPassed: an untouched workspace earns 0.1';
  expect(findCondition(conditions, 'Ready')?.message).toBe(message);
  expect(findCondition(conditions, 'Stalled')).toMatchObject({ status: 'True', message });
});

test('digest and class of the verifier are there where they are known', () => {
  expect(taskStatus(taskOf(), frozen(), but({}), NOW)).toMatchObject({
    digest: DIGEST,
    agentCode: 'child',
  });
  expect(taskStatus(taskOf(), frozen('unknown'), but({}), NOW)).not.toHaveProperty('agentCode');
  expect(taskStatus(taskOf(), undefined, everyGate(waiting), NOW)).not.toHaveProperty('digest');
});
