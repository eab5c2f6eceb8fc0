import { expect, test } from 'vitest';
import { programEnv } from './program-env.ts';

test.each([
  'PATH',
  'HOME',
  'TMPDIR',
  'LANG',
  'LC_ALL',
  'http_proxy',
  'HTTPS_PROXY',
  'no_proxy',
  'npm_config_registry',
  'NPM_CONFIG_CACHE',
  'PIP_INDEX_URL',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
])('programs of the host see %s', (name) => {
  expect(programEnv({ [name]: 'value' })).toEqual({ [name]: 'value' });
});

test.each([
  'OPENAI_API_KEY',
  'MY_KEY',
  'AWS_SECRET_ACCESS_KEY',
  'GITHUB_TOKEN',
  'NODE_OPTIONS',
  'LD_PRELOAD',
  'XPATH',
  'HOMEPAGE',
  'PATH_TO_KEY',
])('programs of the host do not see %s', (name) => {
  expect(programEnv({ [name]: 'value', PATH: '/bin' })).toEqual({ PATH: '/bin' });
});

test('an unset variable stays unset', () => {
  expect(programEnv({ PATH: undefined })).toEqual({});
});
