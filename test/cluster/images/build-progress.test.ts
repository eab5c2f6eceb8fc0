import { expect, test } from 'vitest';
import { buildProgress } from './build-progress.ts';

test('tells of commands that run, not of those whose result is known', () => {
  const said: string[] = [];
  const read = buildProgress((step) => void said.push(step));
  const lines = [
    '[1/3] STEP 1/3: FROM localhost/base AS tools',
    '[1/3] STEP 2/3: RUN  make   everything',
    '--> Using cache 0123',
    '[2/3] STEP 1/2: RUN npm ci',
    'added 3 packages',
    '[2/3] STEP 2/2: COPY a b',
    `[3/3] STEP 1/1: RUN ${'x'.repeat(300)}`,
    '--> 4567',
  ];
  for (const line of lines) read(line);
  expect(said).toEqual(['RUN npm ci', `RUN ${'x'.repeat(96)} …`]);
});
