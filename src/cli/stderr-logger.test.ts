import { expect, test } from 'vitest';
import { stderrLogger } from './stderr-logger.ts';

test('writes one plain line a message, whatever an upstream put into its fields', () => {
  const written: string[] = [];
  const logger = stderrLogger((line) => void written.push(line));
  logger.debug({}, 'dropped');
  logger.info({ cause: new Error('left out'), skipped: undefined }, 'installing');
  logger.warn({ status: 500, said: 'no\r\n\u001b[2Jerror: all is well' }, 'call failed');
  expect(written).toEqual([
    'installing\n',
    'warning: call failed (status=500 said=no \\u{1b}[2Jerror: all is well)\n',
  ]);
  logger.error({ said: 'x'.repeat(100_000) }, 'long');
  expect(written.at(-1)?.length).toBeLessThan(2100);
});
