import { expect, it } from 'vitest';
import { KubeError } from '../../../operator/kube/base/kube-error.ts';
import type { KubeRequest } from '../../../operator/kube/client/transport.ts';
import { reviewSource } from './reviews.ts';

const { signal } = new AbortController();
const user = { username: 'ada', uid: '1', groups: ['team'], extra: { scope: ['x'] } };

function source(answer: (request: KubeRequest) => unknown) {
  const asked: KubeRequest[] = [];
  const transport = {
    request: async (request: KubeRequest): Promise<unknown> => {
      asked.push(request);
      return answer(request);
    },
    stream: () => Promise.reject(new Error('no stream is expected')),
    [Symbol.asyncDispose]: async () => undefined,
  };
  return { source: reviewSource(transport, signal), asked };
}

const audiencesOf = ({ body }: KubeRequest) =>
  (body as { spec: { audiences?: string[] } }).spec.audiences;

it('takes a token for our audience, and one for the API server', async () => {
  const ours = source(() => ({
    status: { authenticated: true, user, audiences: ['clawgym/query'] },
  }));
  expect(await ours.source.whois('t')).toEqual(user);
  expect(ours.asked.map(audiencesOf)).toEqual([['clawgym/query']]);
  const cluster = source((request) => ({
    status: audiencesOf(request) === undefined ? { authenticated: true, user } : {},
  }));
  expect(await cluster.source.whois('t')).toEqual(user);
});

it.each([
  ['not authenticated', { authenticated: false }],
  ['without a name', { authenticated: true, user: { username: '' } }],
  ['no status at all of ours', {}],
])('believes no token that is %s', async (_, status) => {
  expect(await source(() => ({ status })).source.whois('t')).toBeUndefined();
});

it('asks for the right to get rolloutbatches of the one namespace, as that person', async () => {
  const { source: reviews, asked } = source(() => ({ status: { allowed: true } }));
  expect(await reviews.mayRead(user, 'team-a')).toBe(true);
  expect(asked[0]).toMatchObject({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    body: {
      spec: {
        ...{ user: 'ada', groups: ['team'], extra: { scope: ['x'] } },
        resourceAttributes: {
          ...{ group: 'clawgym.io', resource: 'rolloutbatches', verb: 'get' },
          namespace: 'team-a',
        },
      },
    },
  });
});

it('lets nobody in where the API server does not answer', async () => {
  const { source: reviews } = source(() => {
    throw new KubeError('Forbidden', 'no right');
  });
  await expect(reviews.whois('t')).rejects.toMatchObject({ code: 'ClusterUnavailable' });
  await expect(reviews.mayRead(user, 'a')).rejects.toMatchObject({ code: 'ClusterUnavailable' });
});
