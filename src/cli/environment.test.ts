import { afterEach, expect, test, vi } from 'vitest';
import { cliEnvironment } from './environment.ts';

afterEach(() => void vi.unstubAllEnvs());

test('keys are read by name and never handed to programs of the host', () => {
  vi.stubEnv('OPENAI_API_KEY', 'sk-secret');
  vi.stubEnv('https_proxy', 'http://proxy:1');
  const environment = cliEnvironment();
  expect(environment.secret('OPENAI_API_KEY')).toBe('sk-secret');
  expect(environment.env).toMatchObject({
    PATH: process.env['PATH'],
    https_proxy: 'http://proxy:1',
  });
  expect(Object.values(environment.env)).not.toContain('sk-secret');
});
