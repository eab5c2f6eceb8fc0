import { describe, expect, test } from 'vitest';
import { normalised } from '../support/transcript/normalise.ts';
import { compared, comparedPage, pageOf } from '../support/transcript/steps.ts';

const describeOf = (
  age: string,
  uid: string,
  seconds: number,
) => `Name:         quickstart-nop-${uid.slice(0, 7)}
Namespace:    runs-1a2b3c4d
Uid:  ${uid}
    Seconds:  ${seconds}
Events:
  Type     Reason         Age                 From              Message
  ----     ------         ----                ----              -------
  Normal   TaskSetFrozen  ${age}  clawgym-operator  12 rollouts of task set ${uid.slice(24)}
`;
const ONE = describeOf('3s', '5f0c1c2e-0000-4000-8000-00000000000a', 3);
const OTHER = describeOf('2m7s (x2 over 3m)', '6e1d2b3f-1111-4000-8000-0000000000bb', 41);
const step = (output: string, passing = false) => ({
  ...{ about: 'This:', command: 'kubectl get clawgym', passing },
  output: normalised(output, 'runs-1a2b3c4d'),
});
const TABLE = 'NAME   SCORE       STATUS    AGE\nrun/a  nop 0.000   Running   5s\n';

describe('two runs of the same are told the same', () => {
  test('whatever their names, uids, digests, ages and times', () => {
    expect(compared(step(ONE))).toEqual(compared(step(OTHER)));
  });

  test('and stay different in what they say', () => {
    const other = ONE.replace('12 rollouts', '11 rollouts');
    expect(compared(step(other))).not.toEqual(compared(step(ONE)));
    const reason = ONE.replace('TaskSetFrozen', 'PlanRefused');
    expect(compared(step(reason))).not.toEqual(compared(step(ONE)));
  });

  test('events of a busy cluster are left out', () => {
    const busy = `${ONE}  Warning  Unschedulable  1s  clawgym-operator  0/2 nodes are available\n`;
    expect(compared(step(busy))).toEqual(compared(step(ONE)));
  });

  test('a moment that passes keeps to its columns', () => {
    const later = TABLE.replace('nop 0.000', 'nop 0.012').replace('Running', 'Verifying');
    expect(compared(step(later, true))).toEqual(compared(step(TABLE, true)));
    expect(compared(step(later))).not.toEqual(compared(step(TABLE)));
    const column = TABLE.replace('STATUS', 'STATE ');
    expect(compared(step(column, true))).not.toEqual(compared(step(TABLE, true)));
  });
});

test('ages and names are the same in every copy of the page', () => {
  expect(normalised(ONE, 'runs-1a2b3c4d')).toBe(
    normalised(OTHER, 'runs-1a2b3c4d').replace('Seconds:  41', 'Seconds:  3'),
  );
  expect(normalised('name   3m10s\n', 'x')).toBe('name   1m\n');
});

test('of pods it counts that there were some, not which were told', () => {
  const shown = (pods: string) =>
    compared(step(`Attempt 1\n  Class:  scored\n${pods}\nAttempt 2\n`));
  const one = '  Pods:\n    rollout  a  Succeeded on node-1\n      stage  exit 0\n';
  expect(shown(one)).toEqual(shown(`${one}    main  b  Succeeded on node-2\n`));
  expect(shown(one).lines).toEqual(['Attempt 1', '  Class:  scored', '  Pods:', '', 'Attempt 2']);
  expect(shown('')).not.toEqual(shown(one));
});

test('pods have one name and one node', () => {
  const pod = (name: string, node: string) =>
    `  main  quickstart-lazy-${name}  Succeeded on ${node}`;
  const one = normalised(pod('k3x9a0b-1fa2c-4ff339-v1-3-n5cwm', 'node-2'), 'runs-1a2b3c4d');
  expect(one).toBe(normalised(pod('zz81b4c-00000-57e38e-v12-0-2nn8k', 'node-1'), 'runs-1a2b3c4d'));
  expect(one).toBe(pod('0abc123-0abcd-012345-v1-0-x7k2p', 'node-1'));
});

test('a page is read as it was written', () => {
  const steps = [step(ONE), step(TABLE, true)];
  const page = pageOf('# Head', steps);
  expect(page).toContain('```console\n$ kubectl get clawgym\nName:');
  expect(comparedPage(page)).toEqual(steps.map(compared));
});
