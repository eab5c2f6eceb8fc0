import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  loadPrompts,
  PROMPT_VERSIONS,
  type PromptName,
  promptId,
  renderPrompt,
} from './prompts.ts';

test('every prompt in use has a file of its version, and says first whose record it is', async () => {
  const prompts = await loadPrompts();
  expect([...prompts.keys()].toSorted()).toEqual(Object.keys(PROMPT_VERSIONS).toSorted());
  for (const text of prompts.values()) expect(text.startsWith('{{request}}\n')).toBe(true);
});

test('files of prompts are versioned, and the newest version is the one in use', () => {
  const files = readdirSync(join(import.meta.dirname, 'prompts'));
  for (const file of files) expect(file).toMatch(/^[a-z-]+\.v\d+\.md$/);
  for (const name of Object.keys(PROMPT_VERSIONS) as PromptName[]) {
    const versions = files
      .filter((file) => file.startsWith(`${name}.v`))
      .map((file) => Number(/\d+/.exec(file)?.[0]));
    expect(promptId(name)).toBe(`${name}.v${Math.max(...versions)}`);
  }
});

test('what a value holds is never a place itself', () => {
  const prompts = new Map([['judge', '{{request}} and {{files}}']] as const);
  const values = { request: '{{files}}', files: 'F $& {{request}}' };
  expect(renderPrompt(prompts, 'judge', values)).toBe('{{files}} and F $& {{request}}');
});

test('a place without a value is our fault and says so', () => {
  const prompts = new Map([['judge', '{{request}}']] as const);
  expect(() => renderPrompt(prompts, 'judge', {})).toThrow('prompt judge has no request');
});
