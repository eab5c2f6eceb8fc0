import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { ScratchSweeper } from './scratch-sweeper.ts';

test('every tree that it took is gone when it is disposed, whatever its name', async () => {
  await using dir = await tempDir();
  const trees = [
    'plain',
    '-rf',
    'with space',
    "quote'",
    'line\nbreak',
    'six',
    'seven',
    'eight',
    'nine',
  ];
  {
    await using sweeper = new ScratchSweeper();
    for (const name of trees) {
      mkdirSync(join(dir.path, name, 'deep'), { recursive: true });
      writeFileSync(join(dir.path, name, 'deep/file'), 'x');
      sweeper.take(join(dir.path, name));
    }
  }
  expect(trees.filter((name) => existsSync(join(dir.path, name)))).toEqual([]);
});

test('ends without having been used', async () => {
  await using sweeper = new ScratchSweeper();
  expect(sweeper).toBeDefined();
});
