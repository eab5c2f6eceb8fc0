import { describe, expect, it } from 'vitest';
import { parseTags, textOf } from '../../test/support/markup.ts';
import { anArm, aRun, aTask } from '../../test/support/run-facts.ts';
import { FINDING_CODES, OUTCOMES } from '../rollouts/outcome.ts';
import { buildResults } from './build-results.ts';
import { renderReport } from './report.ts';
import { ARM_KINDS } from './results.ts';
import type { RunFacts } from './run-facts.ts';

const report = (facts: RunFacts, realModelCommand?: string): string =>
  renderReport(buildResults(facts), realModelCommand === undefined ? {} : { realModelCommand });

const TAGS = new Set(
  'html head meta title style body main header section article footer h1 h2 h3 p div span b i strong code pre ul li dl dt dd table thead tbody tfoot tr th td details summary input label svg g rect line'.split(
    ' ',
  ),
);
const ATTRIBUTES = new Set(
  'class title aria-label aria-hidden role style id for name type checked scope data-flags lang charset http-equiv content height width x y x1 x2 y1 y2 rx'.split(
    ' ',
  ),
);

describe('a report over hostile names', () => {
  const hostile = [
    '</script><script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='x",
    'a\nb\u0000\u001b[2J',
    '\u202egpj.exe',
    '</style></title></svg></details>',
    '--> <!-- ]]>',
    '{{7*7}}<%= 7 %>',
  ];
  const facts = aRun(
    hostile.map((id) => aTask(id, { category: id, cluster: id })),
    hostile.map((name) =>
      anArm(
        name,
        hostile.map((task) => ({
          task,
          outcome: 'scored',
          reason: task,
          final: 0.5,
          checks: hostile.map((check) => [check, 1] as const),
          findings: FINDING_CODES.map((code) => ({ code, message: name })),
        })),
        { model: name, agent: { name, version: name, configDigest: name as never } },
      ),
    ),
    { name: hostile.join(''), command: hostile.join(' '), parameters: { [hostile[0] ?? '']: 'x' } },
  );
  const page = report(facts, hostile.join(' '));

  it('holds only tags and attributes of our own, balanced', () => {
    const tags = parseTags(page);
    expect([...new Set(tags.map((tag) => tag.name))].filter((name) => !TAGS.has(name))).toEqual([]);
    const attributes = new Set(tags.flatMap((tag) => [...tag.attributes.keys()]));
    expect([...attributes].filter((name) => !ATTRIBUTES.has(name))).toEqual([]);
  });

  it('shows each name as text', () => {
    const text = textOf(page);
    expect(text).toContain('</script><script>alert(1)</script>');
    expect(text).toContain('a\\nb\\x00\\x1b[2J');
    expect(text).toContain('[U+202E]gpj.exe');
    expect(text).toContain('{{7*7}}<%= 7 %>');
  });

  it('asks for nothing and runs nothing', () => {
    const policy = parseTags(page).find((tag) => tag.attributes.has('http-equiv'));
    expect(textOf(policy?.attributes.get('content') ?? '')).toMatch(
      /^default-src 'none'; style-src 'unsafe-inline'/,
    );
    const style = page.slice(page.indexOf('<style>'), page.indexOf('</style>'));
    expect(style).not.toMatch(/url\(|@import/);
  });
});

describe('a report', () => {
  const tasks = Array.from({ length: 5 }, (_, index) =>
    aTask(`task-${index}`, {
      category: index < 2 ? 'mail' : 'files',
      agentCode: index === 3 ? 'in-process' : 'none',
    }),
  );
  const floor = { kind: 'floor', model: undefined } as const;
  const facts = aRun(tasks, [
    anArm(
      'lazy-arm',
      tasks.map(({ id }) => ({ task: id, outcome: 'scored', final: 0.1 })),
      floor,
    ),
    anArm(
      'pi-arm',
      tasks.map(({ id }) => ({ task: id, outcome: 'scored', final: 1, graderRoot: 'host' })),
      { kind: 'replay' },
    ),
  ]);
  const page = report(facts, 'clawgym bench --model gpt-5');
  const text = textOf(page);

  it('shows every arm, task and category', () => {
    const tags = parseTags(page);
    const classes = tags.map((tag) => tag.attributes.get('class') ?? '');
    expect(classes.filter((name) => name.startsWith('card kind-'))).toHaveLength(2);
    expect(classes.filter((name) => name === 'task')).toHaveLength(5);
    for (const name of ['lazy-arm', 'pi-arm', 'mail', 'files', ...tasks.map(({ id }) => id)]) {
      expect(text).toContain(`\u0000${name}\u0000`);
    }
  });

  it('gives the category table room for every arm, and scrolls where the page is narrower', () => {
    const table = parseTags(page).find((tag) => tag.attributes.get('class') === 'categories');
    expect(table?.attributes.get('style')).toBe('--arms:2');
    expect(page).toMatch(/\.categories\{[^}]*min-width:calc\([^)]*var\(--arms\)/);
  });

  it('takes the median time over results of the agent: missing data has none', () => {
    const samples = tasks.map(({ id }, index) =>
      index < 2
        ? ({ task: id, outcome: 'scored', final: 1, seconds: 40 } as const)
        : index === 2
          ? ({ task: id, outcome: 'infra_error', seconds: 3 } as const)
          : { task: id },
    );
    const said = textOf(report(aRun(tasks, [anArm('cut', samples)])));
    expect(said).toMatch(/median time\W+40 s/);
  });

  it('scrolls tables of many arms on every screen', () => {
    const many = Array.from({ length: 10 }, (_, index) =>
      anArm(
        `arm-${index}`,
        tasks.map(({ id }) => ({ task: id, outcome: 'scored', final: 1 })),
      ),
    );
    const scrolling = (arms: readonly ReturnType<typeof anArm>[]) =>
      parseTags(report(aRun(tasks, arms))).filter(
        (tag) => tag.attributes.get('class') === 'scroll many',
      );
    expect([scrolling(many.slice(1)), scrolling(many)].map((tags) => tags.length)).toEqual([0, 2]);
  });

  it('says that floors and replays are no model results, and how to get one', () => {
    expect(text).toContain('These are not model results.');
    expect(text).toContain('lazy-arm\u0000: floor');
    expect(text).toContain('pi-arm\u0000: replay');
    expect(text).toContain('clawgym bench --model gpt-5');
  });

  it('draws floors through the bars of the other arms', () => {
    const lines = parseTags(page).filter((tag) => tag.attributes.get('class') === 'ref');
    expect(lines.filter((tag) => !tag.closing).map((tag) => tag.attributes.get('x1'))).toEqual([
      '10.00%',
    ]);
  });

  it('flags arms that were trained on its tasks, and those of which that is not known', () => {
    const samples = tasks.map(({ id }) => ({ task: id, outcome: 'scored', final: 1 }) as const);
    const trained = { shared: ['task-1', 'task-2'], unread: [] };
    const arms = [
      anArm('sft', samples, { training: trained }),
      anArm('old', samples, { training: { shared: [], unread: ['ab'] } }),
      anArm('clean', samples, { training: { shared: [], unread: [] } }),
    ];
    const said = textOf(report(aRun(tasks, arms)));
    expect(said).toMatch(/Trained on tasks of this run\.\W+Of 5 tasks: \W*sft\W+2\W+Scores on/);
    expect(said).toMatch(/Training tasks not all known\..*learned from: \W*old\W*\./s);
    expect(text).not.toContain('Trained on tasks');
  });

  it('flags in-process verifiers and the Python of the host', () => {
    expect(text).toMatch(/1 verifier runs the agent's code in-process.*task-3/s);
    expect(text).toContain('Graded with the Python of this host, 3.13.5,');
    expect(text).not.toContain('sum()');
  });

  it.each([
    [['3.11.2'], /Python of this host, 3\.11\.2,.*In Python 3\.11\.2, sum\(\) adds.*since 3\.12/s],
    [['3.9.18', '3.12.0'], /host, 3\.12\.0, 3\.9\.18,.*In Python 3\.9\.18, sum\(\) adds/s],
    [['', '3.11.2'], /Python of this host, 3\.11\.2,.*In Python 3\.11\.2, sum\(\) adds/s],
    [['3.12.0', '3.14.1'], /host, 3\.12\.0, 3\.14\.1,(?!.*sum\(\))/s],
    [[''], /Graded with the Python of this host\W+and not in(?!.*sum\(\))/s],
  ])('names the Python of the host and what is other below 3.12: %j', (versions, says) => {
    const tasks = versions.map((_, index) => aTask(`t${index}`));
    const samples = versions.map((graderPython, index) => {
      return {
        task: `t${index}`,
        outcome: 'scored',
        final: 1,
        graderRoot: 'host',
        graderPython,
      } as const;
    });
    expect(textOf(report(aRun(tasks, [anArm('x', samples)])))).toMatch(says);
  });

  it('says for how many tasks no judge scored the rubric half', () => {
    const findings = [{ code: 'RubricNotJudged', message: 'code half alone' }] as const;
    const facts = aRun(
      [aTask('a'), aTask('b')],
      [
        anArm('x', [
          { task: 'a', outcome: 'scored', final: 1, findings },
          { task: 'b', outcome: 'scored', final: 1 },
        ]),
      ],
    );
    expect(textOf(report(facts))).toContain('No judge scored the rubric half of 1 task:');
  });

  it('is quiet where there is nothing to say', () => {
    const plain = aRun([aTask('a')], [anArm('m', [{ task: 'a', outcome: 'scored', final: 1 }])]);
    const quiet = textOf(report(plain));
    expect(quiet).not.toMatch(/not model results|Incomplete|host|in-process/);
    expect(quiet).toContain('None: no protected input was changed');
  });

  it.each([...OUTCOMES, undefined])('draws a rollout that ended as %s', (outcome) => {
    const one = report(
      aRun([aTask('a')], [anArm('m', [{ task: 'a', ...(outcome && { outcome }) }])]),
    );
    expect(parseTags(one).filter((tag) => tag.attributes.get('class') === 'task')).toHaveLength(1);
    expect(one).not.toMatch(/NaN|undefined|null|Infinity/);
  });

  it.each(ARM_KINDS)('names the kind %s in a tag', (kind) => {
    const one = report(aRun([aTask('a')], [anArm('m', [{ task: 'a' }], { kind })]));
    expect(one).toContain(`class="tag ${kind}"`);
  });

  it('renders without arms and without tasks', () => {
    expect(() => parseTags(report(aRun([], [])))).not.toThrow();
    expect(() => parseTags(report(aRun([], [anArm('m', [])])))).not.toThrow();
  });

  it('stays small and quick on many tasks with many checks', () => {
    const many = Array.from({ length: 300 }, (_, index) => aTask(`task-${index}`));
    const checks = Array.from({ length: 500 }, (_, index) => [`check ${index}`, 1] as const);
    const samples = many.map(
      ({ id }) => ({ task: id, outcome: 'scored', final: 1, checks }) as const,
    );
    const big = report(aRun(many, [anArm('m', samples)]));
    expect(big.length).toBeLessThan(8_000_000);
    expect(big).toContain('400 more checks in results.json');
  });
});
