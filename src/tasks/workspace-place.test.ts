import { expect, test } from 'vitest';
import { workspacePlaceProblem } from './workspace-place.ts';

test.each([
  '/workspace',
  '/root/.openclaw/workspace',
  '/root',
  '/home/user/work',
  '/app',
  '/tmp/work',
  '/tmp_workspace',
  '/data/tests',
  '/agents',
  '/runs',
])('%s can hold a workspace', (path) => {
  expect(workspacePlaceProblem(path)).toBeUndefined();
});

test.each([
  ['/', /belongs to the sandbox/],
  ['/tmp', /\/tmp belongs/],
  ['/program', /\/program belongs/],
  ['/program/x', /\/program belongs/],
  ['/opt', /\/opt\/clawgym belongs/],
  ['/logs', /\/logs\/verifier belongs/],
  ['/run/clawgym/report', /\/run belongs/],
  ['/usr/local/work', /\/usr belongs/],
  ['/dev/shm', /\/dev belongs/],
  ['/workspace/../program', /without '\.\.'/],
  ['/workspace/', /without/],
  ['//program', /without/],
  ['/./work', /without/],
  ['work', /absolute/],
])('%s cannot', (path, problem) => {
  expect(workspacePlaceProblem(path)).toMatch(problem);
});
