import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { expect, test } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';

const GUIDE = join(import.meta.dirname, '../../docs/guides/full-circle-gpu.md');
const text = readFileSync(GUIDE, 'utf8');
/** Lines of `bin/clawgym` in the blocks for a shell. */
const lines = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
  [...block.matchAll(/bin\/clawgym ([^)\n]+)/g)].map(([, line = '']) => line),
);

test('the guide has the commands that are checked here', () => {
  expect(lines.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
    'models import',
    'report circle',
  ]);
});

test.each(lines)('clawgym %s is a command line that is taken', (line) => {
  let words = line.split(/\s+/);
  let command: CommandUnknownOpts = buildProgram();
  for (;;) {
    const next = command.commands.find((one) => one.name() === words[0]);
    if (next === undefined) break;
    command = next;
    words = words.slice(1);
  }
  const { operands, unknown } = command.parseOptions(words);
  expect(unknown).toEqual([]);
  expect(operands).toHaveLength(command.registeredArguments.length);
});
