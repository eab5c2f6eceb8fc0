import { expect, test } from 'vitest';
import { zWorkspace } from './task-fields.ts';

test.each(['/workspace', '/root/.openclaw/workspace', '/a/..b/.c'])('%s is a workspace', (path) => {
  expect(zWorkspace.safeParse({ path }).success).toBe(true);
});

test.each(['/', '/a/', '//a', '/a/../b', '/a/.', '/..', 'a', '/a b'])('%s is none', (path) => {
  expect(zWorkspace.safeParse({ path }).error?.issues[0]?.message).toMatch(
    /^expected an absolute path .* without empty, "\." or "\.\." segments$/,
  );
});
