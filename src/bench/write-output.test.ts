import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { anArm, aRun, aTask } from '../../test/support/run-facts.ts';
import { parseJson } from '../base/brand.ts';
import { zResults } from './results.ts';
import { removePartialOutput, writeOutput } from './write-output.ts';

const checks = [
  ['10', 1],
  ['2', 0],
  ['naïve\n"name"', 0.5],
] as const;
const facts = aRun(
  [aTask('a'), aTask('b')],
  [
    anArm('nop', [{ task: 'a', outcome: 'scored', final: 0.5, checks }, { task: 'b' }]),
    anArm('lazy', [{ task: 'a', outcome: 'scored', final: 1 }]),
  ],
);

describe('the output folder', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'clawgym-output-'));
  });
  afterEach(async () => {
    await chmod(folder, 0o755);
    await rm(folder, { recursive: true, force: true });
  });

  it('gets results, rows and report, and nothing else', async () => {
    const out = join(folder, 'new', 'out');
    const written = await writeOutput(out, facts);
    expect((await readdir(out)).toSorted()).toEqual([
      'report.html',
      'results.json',
      'rollouts.jsonl',
    ]);
    expect(written.report).toBe(join(out, 'report.html'));
    const stored = parseJson(await readFile(join(out, 'results.json'), 'utf8'));
    expect(zResults.parse(stored)).toEqual(written.results);
    expect(await readFile(written.report, 'utf8')).toMatch(/^<!doctype html>.*<\/html>\n$/s);
  });

  it('has one row a planned rollout, checks in the order of the verifier', async () => {
    await writeOutput(folder, facts);
    const text = await readFile(join(folder, 'rollouts.jsonl'), 'utf8');
    const rows = text.trimEnd().split('\n').map(parseJson);
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatchObject({ arm: 'nop', task: 'a', outcome: 'scored', final: 0.5, checks });
    expect(rows[1]).toMatchObject({ task: 'b', outcome: 'undecided', final: null, checks: [] });
  });

  it('replaces what an earlier run left', async () => {
    await writeFile(join(folder, 'report.html'), 'an earlier report');
    await writeOutput(folder, facts);
    expect(await readFile(join(folder, 'report.html'), 'utf8')).not.toContain('an earlier report');
  });

  it('removes what a killed process left half written, and nothing else', async () => {
    const half = `report.html.${randomUUID()}.tmp`;
    for (const name of [half, 'report.html', 'mine.tmp']) await writeFile(join(folder, name), 'x');
    await removePartialOutput(folder);
    expect((await readdir(folder)).toSorted()).toEqual(['mine.tmp', 'report.html']);
  });

  it('keeps the old results where the new ones cannot be written', async () => {
    await writeOutput(folder, facts);
    const before = await readFile(join(folder, 'results.json'), 'utf8');
    await rm(join(folder, 'report.html'));
    await mkdir(join(folder, 'report.html', 'in the way'), { recursive: true });
    const other = aRun([aTask('a')], [anArm('other', [{ task: 'a' }])]);
    await expect(writeOutput(folder, other)).rejects.toMatchObject({
      code: 'StoreUnavailable',
      message: expect.stringContaining('run the same command again') as unknown,
    });
    expect(await readFile(join(folder, 'results.json'), 'utf8')).toBe(before);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
