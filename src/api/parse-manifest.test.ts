import { describe, expect, test } from 'vitest';
import { ClawError } from '../base/error.ts';
import { KINDS } from './kinds.ts';
import { formatProblem } from './manifest-problem.ts';
import { parseManifest, requireManifest } from './parse-manifest.ts';

const bench = (spec: string, name = 'b'): string => `apiVersion: clawgym.io/v1alpha1
kind: BenchRun
metadata: {name: ${name}}
spec:
${spec.replace(/^/gm, '  ')}
`;
const EVERY_KIND = Object.keys(KINDS).join(', ');
const GOOD = 'tasks: {path: tasks}\narms: [{name: nop, agent: {name: nop}}]';
const problemsOf = (text: string): string[] =>
  parseManifest(text, 'f.yaml').problems.map(formatProblem);

describe('a fault is named by file, document, field, value and expectation', () => {
  test.each<[string, string, string[]]>([
    [
      'misspelt field',
      bench(`${GOOD}\nattemps: 3`),
      ['f.yaml:1 (document 1, BenchRun/b): spec.attemps: unknown field; did you mean attempts?'],
    ],
    [
      'field at the wrong level',
      bench(
        `tasks: {path: t}\narms: [{name: p, agent: {name: pi}, model: {name: m, recording: {path: r}, temperature: "1"}}]`,
      ),
      [
        'f.yaml:1 (document 1, BenchRun/b): spec.arms[0].model.temperature: unknown field; the field stands at spec.arms[].model.sampling.temperature',
      ],
    ],
    [
      'unknown metadata',
      bench(GOOD).replace('{name: b}', '{name: b, label: {}}'),
      ['f.yaml:1 (document 1, BenchRun/b): metadata.label: unknown field; did you mean labels?'],
    ],
    [
      'wrong enum',
      bench('tasks: {path: t}\narms: [{name: a, agent: {name: openclav}}]'),
      [
        'f.yaml:1 (document 1, BenchRun/b): spec.arms[0].agent.name: got "openclav", expected one of nop, lazy, solution, cheat, command, pi, openclaw; did you mean openclaw?',
      ],
    ],
    [
      'missing field',
      bench('tasks: {path: t}'),
      ['f.yaml:1 (document 1, BenchRun/b): spec.arms: is required (expected a list)'],
    ],
    [
      'bare field, which is null',
      bench('tasks: {path: t}\narms:'),
      ['f.yaml:1 (document 1, BenchRun/b): spec.arms: is required (expected a list)'],
    ],
    [
      'number where a string is due',
      bench(
        'tasks: {path: t}\narms: [{name: a, agent: {name: openclaw, version: 1.10}, model: {name: m, recording: {path: r}}}]',
      ),
      [
        'f.yaml:1 (document 1, BenchRun/b): spec.arms[0].agent.version: got 1.1, expected a string; put it in quotes',
      ],
    ],
    [
      'float where an integer is due',
      bench(`${GOOD}\nattempts: 1.5`),
      ['f.yaml:1 (document 1, BenchRun/b): spec.attempts: got 1.5, expected an integer'],
    ],
    [
      'too small',
      bench(`${GOOD}\nattempts: 0`),
      ['f.yaml:1 (document 1, BenchRun/b): spec.attempts: got 0, expected at least 1'],
    ],
    [
      'bad name',
      bench(GOOD, 'My_Bench'),
      [
        'f.yaml:1 (document 1, BenchRun/My_Bench): metadata.name: got "My_Bench", expected lower-case letters, digits and dashes, starting and ending with a letter or digit',
      ],
    ],
    [
      'long name',
      bench(GOOD, 'x'.repeat(41)),
      [
        `f.yaml:1 (document 1, BenchRun/${'x'.repeat(41)}): metadata.name: got "${'x'.repeat(41)}", expected at most 40 characters: names of Jobs and pods are made from it`,
      ],
    ],
    [
      'rule',
      bench(
        'tasks: {path: t, digest: "' +
          'a'.repeat(64) +
          '"}\narms: [{name: nop, agent: {name: nop}}]',
      ),
      [
        'f.yaml:1 (document 1, BenchRun/b): spec.tasks: the task source takes exactly one of digest, selector, configMap, persistentVolumeClaim, url, synthesisJob, path',
      ],
    ],
    [
      'duplicate arm',
      bench(
        'tasks: {path: t}\narms: [{name: a, agent: {name: nop}}, {name: a, agent: {name: lazy}}]',
      ),
      ['f.yaml:1 (document 1, BenchRun/b): spec.arms[1].name: duplicate name "a"'],
    ],
    [
      'null in a list',
      bench('tasks: {path: t}\narms: [null]'),
      ['f.yaml:1 (document 1, BenchRun/b): spec.arms[0]: got null, expected a mapping'],
    ],
    [
      'misspelt kind',
      bench(GOOD).replace('BenchRun', 'BenchRunn'),
      [
        `f.yaml:1 (document 1, BenchRunn/b): kind: got "BenchRunn", expected one of ${EVERY_KIND}; did you mean BenchRun?`,
      ],
    ],
    [
      'other version',
      bench(GOOD).replace('v1alpha1', 'v1'),
      [
        'f.yaml:1 (document 1, BenchRun/b): apiVersion: got "clawgym.io/v1", expected clawgym.io/v1alpha1',
      ],
    ],
    [
      'no apiVersion',
      'kind: BenchRun',
      [
        'f.yaml:1 (document 1, BenchRun/?): apiVersion: is required, for example clawgym.io/v1alpha1',
      ],
    ],
    [
      'no kind',
      'apiVersion: clawgym.io/v1alpha1',
      [`f.yaml:1 (document 1, ?/?): kind: is required, one of ${EVERY_KIND}`],
    ],
    [
      'no object',
      '- a\n- b',
      ['f.yaml:1 (document 1): got ["a","b"], expected an object with apiVersion, kind'],
    ],
    [
      'duplicate key',
      'a: 1\na: 2',
      ['f.yaml:2 (document 1): not readable: duplicated mapping key'],
    ],
    [
      'same object twice',
      `${bench(GOOD)}---\n${bench(GOOD)}`,
      [
        'f.yaml:7 (document 2, BenchRun/b): metadata.name: another document has the same kind and name',
      ],
    ],
    [
      'alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.replace(/./g, (c) => `${c}: &${c} [${Array.from({ length: 9 }, () => `*${String.fromCharCode(c.charCodeAt(0) - 1)}`).join(',')}]\n`)}`,
      ['f.yaml:1 (document 1): not readable: the document has more than 500000 values'],
    ],
  ])('%s', (_name, text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });
});

test('a bad document hides neither the good ones nor the other faults', () => {
  const text = [bench(GOOD, 'one'), 'a: [\n', bench('tasks: 5', 'two'), bench(GOOD, 'three')].join(
    '---\n',
  );
  const manifest = parseManifest(text, 'f.yaml');
  expect(manifest.objects.map((object) => object.metadata.name)).toEqual(['one', 'three']);
  expect(manifest.problems.map(({ document, field }) => [document, field])).toEqual([
    [2, ''],
    [3, 'spec.tasks'],
    [3, 'spec.arms'],
  ]);
});

test('fills in defaults and keeps what was written', () => {
  const [object] = requireManifest(
    bench(`${GOOD}\nretries: {disruptionLimit: 100}`),
    'f.yaml',
  ).objects;
  expect(object).toMatchObject({
    kind: 'BenchRun',
    metadata: { name: 'b' },
    spec: {
      attempts: 1,
      retries: { infraRetries: 2, disruptionLimit: 100 },
      verification: { score: 'native' },
      gatewayLossSeconds: 120,
      suspend: false,
    },
  });
});

test('unpacks lists, drops status, hands foreign objects on and skips empty documents', () => {
  const text = `# a comment
---
apiVersion: v1
kind: List
items:
  - ${JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'tasks' }, data: { 'a.jsonl': '{}' } })}
  - ${JSON.stringify({ ...benchJson(), status: { conditions: 'whatever' } })}
---
...
`;
  const manifest = parseManifest(text, 'f.yaml');
  expect(manifest.problems).toEqual([]);
  expect(manifest.foreign.map(({ kind, name }) => [kind, name])).toEqual([['ConfigMap', 'tasks']]);
  expect(manifest.objects.map(({ kind }) => kind)).toEqual(['BenchRun']);
});

const benchJson = (): object => ({
  apiVersion: 'clawgym.io/v1alpha1',
  kind: 'BenchRun',
  metadata: { name: 'j' },
  spec: { tasks: { path: 't' }, arms: [{ name: 'nop', agent: { name: 'nop' } }] },
});

test('one error carries every problem; a manifest without an object of ours is one too', () => {
  expect(() => requireManifest(bench('tasks: 5'), 'f.yaml')).toThrow(
    /^2 problems in the manifest:\n {2}f\.yaml:1 /,
  );
  expect(() => requireManifest('apiVersion: v1\nkind: Pod', 'f.yaml')).toThrow(ClawError);
});
