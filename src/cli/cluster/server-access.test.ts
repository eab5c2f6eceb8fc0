import { expect, test } from 'vitest';
import { KubeError } from '../../../operator/kube/base/kube-error.ts';
import { type Answers, answeringClient } from '../../../test/support/answering-client.ts';
import { ClawError } from '../../base/error.ts';
import { admittedReader, type ServerAccess } from './server-access.ts';

const FORBIDDEN = new KubeError('Forbidden', 'you may not');
const path = (name: string): string => `/api/v1/namespaces/gym/secrets/clawgym-server-${name}`;
const secret = (fields: Readonly<Record<string, string>>): object => ({
  ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'some', namespace: 'gym' } },
  data: Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
  ),
});
const SHARED = { [path('token')]: secret({ token: 'all\n', 'ca.crt': 'ca of all' }) };
const PUBLIC = { [path('ca')]: secret({ 'ca.crt': 'ca of people' }) };

/** What was opened in the end, where the server knows these bearers. */
async function opened(answers: Answers, own: string | undefined, known: readonly string[]) {
  const tried: ServerAccess[] = [];
  const open = (access: ServerAccess) => {
    tried.push(access);
    return {
      access,
      getBatch: async () => {
        if (known.includes(access.token)) return undefined;
        throw new ClawError('Unauthorized', 'who are you?');
      },
    };
  };
  const place = { namespace: 'gym', service: 'clawgym-server' };
  const { signal } = new AbortController();
  const { access } = await admittedReader({
    ...{ client: answeringClient(answers), place, own, open, signal },
  });
  return { access, tried: tried.map(({ token }) => token) };
}

test("a person's own token comes first, and needs no right to the shared one", async () => {
  const answers = { ...PUBLIC, [path('token')]: FORBIDDEN };
  expect(await opened(answers, 'ada', ['ada'])).toEqual({
    access: { token: 'ada', ca: 'ca of people' },
    tried: ['ada'],
  });
});

test.each<[string, Answers, string | undefined, readonly string[]]>([
  ['the kubeconfig has no token', { ...PUBLIC, ...SHARED }, undefined, ['all']],
  ['the server takes no tokens of people', { ...PUBLIC, ...SHARED }, 'ada', ['ada', 'all']],
  ['it publishes no certificates', SHARED, 'ada', ['all']],
  ['one may not read them', { ...SHARED, [path('ca')]: FORBIDDEN }, 'ada', ['all']],
  ['they are not there yet', { ...SHARED, [path('ca')]: secret({}) }, 'ada', ['all']],
])('the shared token is used where %s', async (_, answers, own, tried) => {
  expect(await opened(answers, own, [])).toEqual({
    access: { token: 'all', ca: 'ca of all' },
    tried,
  });
});

test.each<[string, Answers, string | undefined, string]>([
  ['no token', PUBLIC, undefined, 'a kubeconfig with a token'],
  [
    'a token and no certificates',
    { [path('ca')]: FORBIDDEN },
    'ada',
    'the right to get the Secret gym/clawgym-server-ca (Role clawgym-server-reader)',
  ],
  ['a token that is not taken', PUBLIC, 'eve', 'server.accessReviews), for this one did not take'],
])('who has %s and no right to the shared one hears which right lacks', async (...row) => {
  const [, answers, own, hint] = row;
  const refused = opened({ ...answers, [path('token')]: FORBIDDEN }, own, []);
  await expect(refused).rejects.toMatchObject({
    code: 'Forbidden',
    message: expect.stringContaining(hint) as unknown,
  });
  await expect(refused).rejects.toThrow(
    'you need the right to get the Secret gym/clawgym-server-token',
  );
});

test('an empty shared token says that the server has not started', async () => {
  const answers = { [path('token')]: secret({}) };
  await expect(opened(answers, undefined, [])).rejects.toThrow('has not started yet');
});

test('a server that is away is not taken for one that refuses', async () => {
  const open = () => ({
    getBatch: () => Promise.reject(new ClawError('ServerUnavailable', 'away')),
  });
  const place = { namespace: 'gym', service: 'clawgym-server' };
  const { signal } = new AbortController();
  const client = answeringClient({ ...PUBLIC, ...SHARED });
  const reading = admittedReader({ client, place, own: 'ada', open, signal });
  await expect(reading).rejects.toMatchObject({ code: 'ServerUnavailable' });
});
