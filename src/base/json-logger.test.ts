import { expect, test } from 'vitest';
import { KubeError } from '../../operator/kube/base/kube-error.ts';
import { jsonLogger } from './json-logger.ts';

test('one JSON object a line, with the fields of its parents, errors without their cause', () => {
  const lines: string[] = [];
  const logger = jsonLogger({ write: (line) => lines.push(line), level: 'info', now: () => 0 });
  const error = new KubeError('Forbidden', 'no', { cause: new Error('Bearer secret') });
  logger.child({ controller: 'x' }).warn({ name: 'a', error }, 'two\nlines');
  logger.debug({}, 'not told');
  expect(lines).toHaveLength(1);
  expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    ...{ time: '1970-01-01T00:00:00.000Z', level: 'warn', message: 'two\nlines' },
    ...{
      controller: 'x',
      name: 'a',
      error: { name: 'KubeError', code: 'Forbidden', message: 'no' },
    },
  });
  expect(lines[0]).not.toContain('secret');
});
