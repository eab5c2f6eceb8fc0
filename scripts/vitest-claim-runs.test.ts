import { expect, test } from 'vitest';
import { projectRuns } from './vitest-claim-runs.ts';

test.each([
  [['node'], [{ project: 'node', files: [] }]],
  [['local', 'a.test.ts', 'b'], [{ project: 'local', files: ['a.test.ts', 'b'] }]],
  [
    ['apiserver', 'test/a', 'unit:x.test.ts', 'test/b', 'unit:y.test.ts'],
    [
      { project: 'apiserver', files: ['test/a', 'test/b'] },
      { project: 'unit', files: ['x.test.ts', 'y.test.ts'] },
    ],
  ],
  [['unit', 'unit:a'], [{ project: 'unit', files: ['a'] }]],
  [
    ['unit:src/a', 'src/b', 'node:c.test.ts'],
    [
      { project: 'unit', files: ['src/a', 'src/b'] },
      { project: 'node', files: ['c.test.ts'] },
    ],
  ],
])('%j runs each project once, with its files', (argv, runs) => {
  expect(projectRuns(argv)).toEqual(runs);
});

test.each([[[]], [['']], [['src/a.test.ts']]])('%j without a first project is refused', (argv) => {
  expect(() => projectRuns(argv)).toThrow('expected PROJECT FILE... PROJECT:FILE...');
});
