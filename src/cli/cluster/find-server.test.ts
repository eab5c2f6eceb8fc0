import { describe, expect, test } from 'vitest';
import { KubeError } from '../../../operator/kube/base/kube-error.ts';
import { type Answers, answeringClient } from '../../../test/support/answering-client.ts';
import { findServer } from './find-server.ts';

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

const SERVICES = '/api/v1/namespaces/gym/services';
const PODS = '/api/v1/namespaces/gym/pods';
const FORBIDDEN = new KubeError('Forbidden', 'you may not');
const WHOLE: Answers = {
  [SERVICES]: list(service('gym')),
  [PODS]: list(pod('old', 'True', { deletionTimestamp: 'x' }), pod('clawgym-server-0', 'True')),
};

function find(answers: Answers, namespace = 'gym', serverNamespace?: string) {
  const { signal } = new AbortController();
  return findServer(answeringClient(answers), { namespace, serverNamespace }, signal);
}

describe('the server of a namespace', () => {
  test('is the one in it, reached at its ready pod', async () => {
    expect(await find(WHOLE)).toEqual({
      ...{ namespace: 'gym', pod: 'clawgym-server-0', port: 8444, service: 'clawgym-server' },
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
