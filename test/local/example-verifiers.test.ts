import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Example,
  gradeAll,
  loadExamples,
  mean,
  type Node,
  readTree,
  solve,
  textAt,
  writeTree,
} from './examples/example.ts';
import { hollowCases } from './examples/hollow.ts';
import { type Case, mutantsOf, variantsOf } from './examples/mutants.ts';

/**
 * Mutants that mean the same as the solution, by the task and the name of the mutant. Everything
 * else that survives is a hole in a verifier.
 */
const EQUIVALENT: Readonly<Record<string, RegExp>> = {
  // The body of the repaired function is free: its docstring may go, a second return is dead code.
  'late-fee-script': /(without|twice) line {5}("""Days from the due|return \(returned - due\))/,
};

const PLANTED = [
  'json',
  'csv',
  'os',
  're',
  'io',
  'stat',
  'decimal',
  'datetime',
  'sitecustomize',
  'conftest',
  'email',
  'ast',
  'functools',
  'configparser',
];

describe.each(loadExamples().map((example) => [example.id, example] as const))(
  '%s',
  (id, example) => {
    let scratch = '';
    let solved: Map<string, Node> = new Map();
    beforeAll(() => {
      scratch = mkdtempSync(join(tmpdir(), 'clawgym-example-'));
      solved = solve(example, scratch);
    });
    afterAll(() => rmSync(scratch, { recursive: true, force: true }));

    const outputs = example.entry.clawgym.task.outputs;
    const grade = (name: string, cases: readonly Case[]) =>
      gradeAll(
        example,
        join(scratch, name),
        cases.map(({ tree }) => tree),
      ).map((graded, index) => ({
        name: cases[index]?.name ?? '',
        graded,
      }));

    it('pays the reference solution in full, twice the same, without touching it', () => {
      const [first, second] = grade('solution', [
        { name: 'first', tree: solved },
        { name: 'second', tree: solved },
      ]);
      expect(Object.values(first?.graded.checks ?? {})).toEqual(
        Object.keys(first?.graded.checks ?? {}).map(() => 1),
      );
      expect(Object.keys(first?.graded.checks ?? {}).length).toBeGreaterThanOrEqual(3);
      expect(second?.graded.checks).toEqual(first?.graded.checks);
      expect(readTree(join(scratch, 'solution/w0'))).toEqual(solved);
      expect(Math.min(first?.graded.seconds ?? 1, second?.graded.seconds ?? 1)).toBeLessThan(0.1);
    });

    it('pays nothing on any check where nothing was achieved', () => {
      const paid = grade('hollow', hollowCases(example)).filter(({ graded }) => mean(graded) !== 0);
      expect(paid.map(({ name, graded }) => ({ name, checks: graded.checks }))).toEqual([]);
    });

    it('rejects every change of meaning', () => {
      const equivalent = EQUIVALENT[id];
      const cases = outputs
        .flatMap((output) => mutantsOf(solved, output))
        .filter(({ name }) => equivalent?.test(name) !== true);
      const survivors = grade('mutants', cases).filter(({ graded }) => mean(graded) === 1);
      process.stdout.write(
        `${id}: ${cases.length - survivors.length} of ${cases.length} mutants rejected\n`,
      );
      expect(survivors.map(({ name }) => name)).toEqual([]);
    });

    it('accepts every change of form', () => {
      const cases = outputs.flatMap((output) => variantsOf(solved, output));
      const rejected = grade('variants', cases).filter(({ graded }) => mean(graded) !== 1);
      expect(rejected.map(({ name, graded }) => ({ name, checks: graded.checks }))).toEqual([]);
    });

    it('is not led astray by modules planted around it', () => {
      const modules = PLANTED.flatMap((name) =>
        ['', 'reward/', ...folders(example)].map((folder) => `${folder}${name}.py`),
      );
      const perfect = Buffer.from('import sys\nprint(\'{"all": 1.0}\')\nsys.exit(0)\n');
      const root = join(scratch, 'planted');
      const reward = [...example.reward].map(([path, node]): [string, Node] => [
        `reward/${path}`,
        node,
      ]);
      writeTree(
        root,
        new Map([
          ...modules.map((path): [string, Node] => [path, perfect]),
          ...example.inputs,
          ...reward,
        ]),
      );
      for (const isolation of [['-I'], []]) {
        const answer = execFileSync(
          'python3',
          [...isolation, join(root, 'reward/check.py'), root],
          { cwd: root, encoding: 'utf8' },
        );
        expect(new Set(Object.values(JSON.parse(answer) as Record<string, number>))).toEqual(
          new Set([0]),
        );
      }
    });

    it('says of itself what the layout needs', () => {
      const entry = example.entry;
      expect(entry.task_id).toBe(id);
      expect(entry.metadata.grading_type).toBe('automated');
      const modes = new Map(entry.clawgym.task.inputs.map((input) => [input.path, input.mode]));
      expect([...modes.keys()].toSorted()).toEqual([...example.inputs.keys()].toSorted());
      const script = textAt(example.reward, 'reward.sh');
      expect(script).toContain(
        `python3 ${entry.input_mount_dir}/reward/check.py ${entry.input_mount_dir} |`,
      );
      for (const { path } of outputs) expect(entry.user_query).toContain(path);
      for (const [path, node] of example.inputs) {
        const kept = Buffer.compare(node as Buffer, solved.get(path) as Buffer) === 0;
        expect([path, modes.get(path)]).toEqual([path, kept ? 'protected' : 'editable']);
      }
    });
  },
);

describe('the verifiers together', () => {
  const sources = loadExamples().map(
    (example) => [example.id, textAt(example.reward, 'check.py')] as const,
  );

  it('never run or import what an agent left', () => {
    for (const [id, source] of sources) {
      expect([
        id,
        /\b(subprocess|importlib|exec|eval|__import__|runpy|system|popen)\b/.exec(source)?.[0],
      ]).toEqual([id, undefined]);
    }
  });

  it('share one text for each helper of the same name', () => {
    const helpers = new Map<string, string>();
    for (const [id, source] of sources) {
      for (const [text, name = ''] of source.matchAll(
        /^def (read_\w+|decimal|lines_of|passed|refuse)\(.*\n(?:(?: .*)?\n)+/gm,
      )) {
        expect([id, name, text.trimEnd()]).toEqual([id, name, helpers.get(name) ?? text.trimEnd()]);
        helpers.set(name, text.trimEnd());
      }
    }
    expect(helpers.size).toBeGreaterThanOrEqual(6);
  });
});

/** Folders of the inputs, with a closing slash: a module may be planted beside any of them. */
function folders(example: Example): string[] {
  return [
    ...new Set(
      [...example.inputs.keys()]
        .filter((path) => path.includes('/'))
        .map((path) => `${path.slice(0, path.lastIndexOf('/'))}/`),
    ),
  ];
}
