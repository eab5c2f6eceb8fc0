import { expect, it } from 'vitest';
import { statusLine } from './status-line.ts';

function lineOf(interactive: boolean, columns = 20) {
  const written: string[] = [];
  const line = statusLine({
    interactive,
    columns: () => columns,
    write: (text) => void written.push(text),
  });
  return { line, written };
}

it('puts other text above the line on a terminal, and draws the line again', () => {
  const { line, written } = lineOf(true);
  line.write('before\n');
  line.draw('[##] 1/2', '1/2');
  line.write('warning: x\n');
  line.end();
  line.write('after\n');
  expect(written).toEqual([
    'before\n',
    '\r\u001b[2K[##] 1/2',
    '\r\u001b[2Kwarning: x\n[##] 1/2',
    '\n',
    'after\n',
  ]);
});

it('leaves the bar out where the terminal is narrow, and never wraps', () => {
  const { line, written } = lineOf(true, 8);
  line.draw('[##] 1/2', '1/2');
  line.draw('[##] 10000/20000', '10000/20000');
  expect(written).toEqual(['\r\u001b[2K1/2', '\r\u001b[2K10000/2']);
});

it('writes a plain line each time elsewhere', () => {
  const { line, written } = lineOf(false);
  line.draw('[##] 1/2', '1/2');
  line.write('warning: x\n');
  line.end();
  expect(written).toEqual(['1/2\n', 'warning: x\n']);
});
