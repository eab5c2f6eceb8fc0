import { describe, expect, it } from 'vitest';
import { anArm, aRun, aTask } from '../../test/support/run-facts.ts';
import { buildResults } from './build-results.ts';
import { textSummary } from './text-summary.ts';

const tasks = ['a', 'b', 'c', 'd'].map((id) => aTask(id));

describe('the closing table', () => {
  it('has a line an arm, aligned, with what weakens the numbers and the report', () => {
    const floor = { kind: 'floor', model: undefined } as const;
    const facts = aRun(tasks, [
      anArm(
        'nop',
        tasks.map(({ id }) => ({ task: id, outcome: 'scored', final: 0 })),
        floor,
      ),
      anArm(
        'lazy-with-a-name',
        [
          { task: 'a', outcome: 'scored', final: 0.5, graderRoot: 'host' },
          { task: 'b', outcome: 'agent_timeout', final: 0.25 },
          { task: 'c', outcome: 'infra_error' },
          { task: 'd' },
        ],
        floor,
      ),
    ]);
    expect(textSummary(buildResults(facts), 'out/report.html')).toBe(
      [
        'ARM                KIND    SCORE   95% INTERVAL   SOLVED   COVERAGE   OUTCOMES',
        'nop                floor   0.0%    0.0%-49.0%     0.0%     100.0%     scored 4',
        'lazy-with-a-name   floor   37.5%   0.0%-100.0%    0.0%     50.0%      scored 1, agent time-out 1, infrastructure error 1, not finished 1',
        '',
        'incomplete (coverage below 98%): lazy-with-a-name',
        'graded with the Python of this host, not in the pinned grading image',
        'no arm is a model result: floor only',
        'report: out/report.html',
        '',
      ].join('\n'),
    );
  });

  it('counts the tasks whose rubric no judge scored, once over all arms', () => {
    const findings = [{ code: 'RubricNotJudged', message: 'code half alone' }] as const;
    const samples = [
      { task: 'a', outcome: 'scored', final: 1, findings },
      { task: 'b', outcome: 'scored', final: 1, findings },
      { task: 'c', outcome: 'scored', final: 1 },
    ] as const;
    const facts = aRun(tasks, [anArm('one', samples), anArm('two', samples)]);
    expect(textSummary(buildResults(facts), 'x')).toContain('code half alone: 2 of the tasks');
  });

  it('says which arms were trained on tasks of the run, and of which nothing certain is known', () => {
    const training = { shared: ['a', 'b'], unread: [] };
    const facts = aRun(tasks, [
      anArm('sft', [], { training }),
      anArm('base', [], { training: { shared: [], unread: ['ab'] } }),
      anArm('endpoint', []),
    ]);
    const lines = textSummary(buildResults(facts), 'x').split('\n');
    expect(lines).toContain('trained on tasks of this run, of 4: sft 2');
    expect(lines).toContain('training tasks not all known: base');
  });

  it('prints no control or reordering character of a name', () => {
    const facts = aRun(tasks, [anArm('a\u001b[31m\n\u202eb', [])]);
    expect(textSummary(buildResults(facts), 'x')).toContain('a?[31m??b ');
  });
});
