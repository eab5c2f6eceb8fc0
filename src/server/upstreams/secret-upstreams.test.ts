import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { ClawError } from '../../base/error.ts';
import type { Upstream } from '../../gateway/upstream.ts';
import {
  readEndpoint,
  type SecretReader,
  SecretUpstreams,
  type SecretValue,
  type UpstreamEndpoint,
} from './secret-upstreams.ts';

const GOOD: SecretValue = {
  type: 'clawgym.io/upstream',
  fields: { baseURL: 'https://models.example/v1\n', apiKey: ' sk-first ' },
};

const OWN: ReadonlySet<string> = new Set(['clawgym-server.clawgym.svc']);

class Secrets implements SecretReader {
  reads = 0;
  value: SecretValue | undefined = GOOD;
  fault: Error | undefined;

  async get(namespace: string, name: string): Promise<SecretValue | undefined> {
    this.reads += 1;
    if (this.fault !== undefined) throw this.fault;
    return await Promise.resolve(`${namespace}/${name}` === 'team-a/gpt' ? this.value : undefined);
  }
}

let secrets: Secrets;
let clock: ManualClock;
let connected: UpstreamEndpoint[];
let upstreams: SecretUpstreams;
let used: (string | undefined)[];

beforeEach(() => {
  secrets = new Secrets();
  clock = new ManualClock();
  connected = [];
  used = [];
  upstreams = new SecretUpstreams({
    secrets,
    clock,
    ownNames: OWN,
    connect: (name, endpoint): Upstream => {
      connected.push(endpoint);
      const client = {
        name,
        answered: false,
        chat: async () => {
          used.push(endpoint.apiKey);
          client.answered = true;
          return await Promise.resolve({
            status: 200,
            headers: {},
            body: (async function* () {})(),
          });
        },
      };
      return client;
    },
  });
});

const signal = new AbortController().signal;
const ask = { body: new Uint8Array(), accept: 'application/json' };

describe('an upstream of a Secret', () => {
  it('is one client for all attempts, read at most every thirty seconds', async () => {
    const [one, two] = [upstreams.of('team-a', 'gpt'), upstreams.of('team-a', 'gpt')];
    expect([one.name, one.answered]).toEqual(['gpt', false]);
    await Promise.all([one.chat(ask, signal), two.chat(ask, signal)]);
    await one.chat(ask, signal);
    expect(one.answered).toBe(true);
    expect([secrets.reads, connected]).toEqual([
      1,
      [{ baseUrl: 'https://models.example/v1', apiKey: 'sk-first' }],
    ]);
    clock.advance(30_000);
    await two.chat(ask, signal);
    expect([secrets.reads, connected.length]).toEqual([2, 1]);
  });

  it('uses a renewed key in attempts at work', async () => {
    const upstream = upstreams.of('team-a', 'gpt');
    await upstream.chat(ask, signal);
    secrets.value = { ...GOOD, fields: { ...GOOD.fields, apiKey: 'sk-second' } };
    clock.advance(30_000);
    await upstream.chat(ask, signal);
    expect(used).toEqual(['sk-first', 'sk-second']);
  });

  it('holds while the API server is away, and ends with its Secret', async () => {
    const upstream = upstreams.of('team-a', 'gpt');
    await upstream.chat(ask, signal);
    secrets.fault = new ClawError('ClusterUnavailable', 'away', { retryable: true });
    clock.advance(30_000);
    await upstream.chat(ask, signal);
    secrets.fault = undefined;
    secrets.value = undefined;
    clock.advance(30_000);
    await expect(upstream.chat(ask, signal)).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('is never that of another namespace', async () => {
    await upstreams.check('team-a', 'gpt');
    await expect(upstreams.check('team-b', 'gpt')).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('Secret team-b/gpt does not exist') as unknown,
    });
  });
});

describe('a Secret that is no upstream', () => {
  const fields = (over: Record<string, string>): SecretValue => ({
    ...GOOD,
    fields: { ...GOOD.fields, ...over },
  });

  it.each<[string, SecretValue, RegExp]>([
    ['another type', { ...GOOD, type: 'Opaque' }, /has type Opaque; expected clawgym.io\/upstream/],
    ['no address', { ...GOOD, fields: { apiKey: 'k' } }, /baseURL must be an http or https URL/],
    ['a file', fields({ baseURL: 'file:///etc/passwd' }), /baseURL/],
    ['a key in the address', fields({ baseURL: 'https://u:secret-1@models.example' }), /baseURL/],
    ['a key of two lines', fields({ apiKey: 'secret-1\nX-Other: 1' }), /apiKey must be printable/],
  ])('is refused for %s, and the message holds no value', (_case, secret, words) => {
    const read = () => readEndpoint('team-a/gpt', secret, OWN);
    expect(read).toThrow(words);
    expect(read).toThrow(/^Secret team-a\/gpt/);
    expect(read).not.toThrow(/secret-1/);
  });

  it.each([
    'http://127.0.0.1:9090/v1',
    'http://2130706433/v1',
    'http://0x7f.1/v1',
    'http://localhost/v1',
    'http://LOCALHOST.:8443/v1',
    'http://a.localhost/v1',
    'http://0.0.0.0/v1',
    'http://169.254.169.254/latest',
    'http://[::1]/v1',
    'http://[::]/v1',
    'http://[fe80::1]/v1',
    'http://[::ffff:127.0.0.1]/v1',
    'http://[::ffff:a9fe:a9fe]/v1',
    'https://clawgym-server.clawgym.svc:8444/v1',
    'https://clawgym-server.clawgym.svc.cluster.local:8444/v1',
    'https://Clawgym-Server.clawgym.svc.:8444/v1',
  ])('is refused for the address %s', (baseURL) => {
    expect(() => readEndpoint('team-a/gpt', fields({ baseURL }), OWN)).toThrow(
      /^Secret team-a\/gpt: baseURL names the server itself/,
    );
  });

  it.each([
    'http://model.team-a.svc:8000/v1',
    'http://10.96.0.12:8000/v1',
    'http://192.168.1.4/v1',
    'http://[fd00::4]/v1',
    'https://localhost.example/v1',
  ])('is taken for the address %s', (baseURL) => {
    expect(readEndpoint('team-a/gpt', fields({ baseURL }), OWN).baseUrl).toBe(baseURL);
  });

  it('may leave out the key', () => {
    expect(readEndpoint('a/b', fields({ apiKey: '' }), OWN).apiKey).toBeUndefined();
  });
});
