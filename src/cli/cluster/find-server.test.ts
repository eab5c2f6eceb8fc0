import { describe, expect, test } from 'vitest';
import { KubeError } from '../../../operator/kube/base/kube-error.ts';
import { createKubeClient } from '../../../operator/kube/client/typed-client.ts';
import { findServer } from './find-server.ts';

type Answers = Readonly<Record<string, object | KubeError>>;

/** A client of an API server that has these answers by path and nothing else. */
function clientOf(answers: Answers) {
  const transport = {
    request: async ({ path }: { readonly path: string }): Promise<unknown> => {
      const answer = answers[path] ?? new KubeError('NotFound', `${path} not found`);
      if (answer instanceof KubeError) throw answer;
      return answer;
    },
    stream: () => Promise.reject(new Error('no stream is expected')),
    [Symbol.asyncDispose]: async () => undefined,
  };
  return createKubeClient({ transport });
}

const list = (...items: readonly object[]): object => ({
  metadata: { resourceVersion: '1' },
  items,
});
const service = (namespace: string, name = 'clawgym-server'): object => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace } },
  spec: { selector: { app: 'server' } },
});
const pod = (name: string, ready: string, more: object = {}): object => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'gym', ...more } },
  status: { conditions: [{ type: 'Ready', status: ready }] },
});
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secret = (data: object = { token: base64('t\n'), 'ca.crt': base64('ca') }): object => ({
  ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'clawgym-server-token' } },
  data,
});

const SERVICES = '/api/v1/namespaces/gym/services';
const SECRET = '/api/v1/namespaces/gym/secrets/clawgym-server-token';
const PODS = '/api/v1/namespaces/gym/pods';
const FORBIDDEN = new KubeError('Forbidden', 'you may not');
const WHOLE: Answers = {
  [SERVICES]: list(service('gym')),
  [SECRET]: secret(),
  [PODS]: list(pod('old', 'True', { deletionTimestamp: 'x' }), pod('clawgym-server-0', 'True')),
};

function find(answers: Answers, namespace = 'gym', serverNamespace?: string) {
  const { signal } = new AbortController();
  return findServer(clientOf(answers), { namespace, serverNamespace }, signal);
}

describe('the server of a namespace', () => {
  test('is the one in it, reached at its ready pod with the token for people', async () => {
    expect(await find(WHOLE)).toEqual({
      ...{ namespace: 'gym', pod: 'clawgym-server-0', port: 8444, ca: 'ca', token: 't' },
      serverName: 'clawgym-server.gym.svc',
    });
  });

  test('is the only one of the cluster where the namespace has none', async () => {
    const answers = {
      ...WHOLE,
      '/api/v1/namespaces/team/services': list(),
      '/api/v1/services': list(service('gym')),
    };
    expect(await find(answers, 'team')).toMatchObject({ namespace: 'gym' });
  });

  test.each<[string, Answers, string]>([
    ['none in sight', { [SERVICES]: list(), '/api/v1/services': FORBIDDEN }, '--server-namespace'],
    [
      'several elsewhere',
      { [SERVICES]: list(), '/api/v1/services': list(service('a'), service('b')) },
      'one in each of a, b',
    ],
    ['two here', { [SERVICES]: list(service('gym'), service('gym', 'other')) }, 'more than one'],
    ['no right to the token', { ...WHOLE, [SECRET]: FORBIDDEN }, 'right to get the Secret gym/'],
    ['an empty token', { ...WHOLE, [SECRET]: secret({}) }, 'has not started yet'],
    ['no ready pod', { ...WHOLE, [PODS]: list(pod('p', 'False')) }, 'is ready; see kubectl -n gym'],
  ])('is refused with what helps: %s', async (_, answers, message) => {
    await expect(find(answers)).rejects.toThrow(message);
  });

  test('is looked for nowhere else where its namespace is named', async () => {
    const elsewhere = { '/api/v1/namespaces/x/services': list(), '/api/v1/services': FORBIDDEN };
    await expect(find(elsewhere, 'gym', 'x')).rejects.toThrow(
      'no ClawGym server is installed in namespace x;',
    );
  });
});
