import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemorySecret } from '../../../test/support/memory-secret.ts';
import { silentLogger } from '../../base/logger.ts';
import { SERVER_HOST } from '../../protocol/pod-contract.ts';
import { CertificateKeeper, type PublishedCertificate } from './certificate-keeper.ts';
import { makeAuthority } from './certificates.ts';
import { TLS_LIVES } from './renewal.ts';

const DAY = 24 * 3_600_000;
const NAMES = [SERVER_HOST, 'clawgym-server.clawgym.svc'];
const signal = new AbortController().signal;

function bed(secret = new MemorySecret({}), names = NAMES) {
  // Real time: the handshakes below check the lives of certificates against it.
  const clock = new ManualClock(Date.now());
  const open = () => new CertificateKeeper({ secret, names, clock, logger: silentLogger });
  return { secret, clock, keeper: open(), open };
}

const certificates = (pem: string) => pem.split(/(?<=-----END CERTIFICATE-----\n)/).filter(Boolean);

/** Shakes hands as a pod does: these authorities and this name, and no others. */
async function handshake(published: PublishedCertificate, ca: string, name: string) {
  const server = createServer({ cert: published.cert, key: published.key }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', ca, servername: name });
  try {
    await once(socket, 'secureConnect');
    return 'trusted';
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown ? thrown.code : thrown;
  } finally {
    socket.destroy();
    server.close();
  }
}

describe('the certificate of the server', () => {
  it('is made into the empty Secret of the chart and is the same after a restart', async () => {
    const { keeper, open, secret } = bed();
    expect(() => keeper.current).toThrow('not been read');
    const first = await keeper.check(signal);
    expect(Object.keys(secret.fields ?? {}).toSorted()).toEqual([
      'ca.crt',
      'ca.key',
      'tls.crt',
      'tls.key',
    ]);
    expect(await open().check(signal)).toEqual(first);
    expect(await keeper.check(signal)).toEqual(first);
    expect(secret.writes).toBe(1);
    const [authority] = certificates(first.caBundle);
    expect(new X509Certificate(authority ?? '')).toMatchObject({ ca: true });
    expect(new X509Certificate(first.cert)).toMatchObject({ ca: false });
  });

  it('is trusted by its bundle for its names and by no other authority', async () => {
    const { keeper } = bed();
    const published = await keeper.check(signal);
    const other = await makeAuthority(Date.now(), DAY);
    for (const name of NAMES) {
      expect(await handshake(published, published.caBundle, name)).toBe('trusted');
    }
    expect(await handshake(published, published.caBundle, 'other.example')).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
    expect(await handshake(published, other.certificate, SERVER_HOST)).not.toBe('trusted');
  });

  it('is made where there is no Secret, and anew where its parts do not fit', async () => {
    const { keeper, secret, open } = bed(new MemorySecret());
    const first = await keeper.check(signal);
    const stranger = await makeAuthority(Date.now(), DAY);
    for (const damage of [
      { 'tls.key': stranger.key },
      { 'ca.crt': stranger.certificate },
      { 'ca.key': 'garbage' },
      { 'tls.crt': '' },
    ]) {
      secret.put({ ...secret.fields, ...damage });
      const again = await open().check(signal);
      expect(again.cert).not.toBe(first.cert);
      expect(await handshake(again, again.caBundle, SERVER_HOST)).toBe('trusted');
    }
  });

  it('takes what another server was faster to write', async () => {
    const { keeper, secret, open } = bed();
    const other = await open().check(signal);
    const fields = secret.fields ?? {};
    secret.put({});
    secret.beforeWrite = () => {
      secret.beforeWrite = () => undefined;
      secret.put(fields);
    };
    expect(await keeper.check(signal)).toEqual(other);
    secret.beforeWrite = () => secret.put({});
    secret.put({});
    await expect(keeper.check(signal)).rejects.toMatchObject({ code: 'Conflict', retryable: true });
  });

  it('is renewed at two thirds of its life by the same authority, and for a new name', async () => {
    const { keeper, clock, secret } = bed();
    const first = await keeper.check(signal);
    const told: PublishedCertificate[] = [];
    keeper.onChange((published) => told.push(published));
    clock.advance(59 * DAY);
    expect(await keeper.check(signal)).toEqual(first);
    expect(told).toEqual([]);
    clock.advance(DAY);
    const second = await keeper.check(signal);
    expect(second.cert).not.toBe(first.cert);
    expect(second.caDigest).toBe(first.caDigest);
    expect(told).toEqual([second]);
    const renamed = bed(secret, [...NAMES, 'localhost']);
    const third = await renamed.keeper.check(signal);
    expect(await handshake(third, first.caBundle, 'localhost')).toBe('trusted');
  });
});

describe('the authority of the server', () => {
  it('is published beside its successor long before that signs, and until it has expired', async () => {
    const { keeper, clock } = bed();
    const issuer = (published: PublishedCertificate) =>
      certificates(published.caBundle).findIndex((pem) =>
        new X509Certificate(published.cert).verify(new X509Certificate(pem).publicKey),
      );
    const first = await keeper.check(signal);
    clock.advance((TLS_LIVES.authorityMs * 2) / 3);
    const announced = await keeper.check(signal);
    const [old, next] = certificates(announced.caBundle);
    expect(old).toBe(certificates(first.caBundle)[0]);
    expect(announced.caDigest).not.toBe(first.caDigest);
    expect([certificates(announced.caBundle).length, issuer(announced)]).toEqual([2, 0]);

    clock.advance(6 * DAY);
    expect((await keeper.check(signal)).caDigest).toBe(announced.caDigest);
    clock.advance(DAY);
    const moved = await keeper.check(signal);
    expect(certificates(moved.caBundle)).toEqual([next, old]);
    expect(issuer(moved)).toBe(0);
    // A pod of the announcement trusts both; one of before is long gone.
    expect(new X509Certificate(moved.cert).verify(new X509Certificate(next ?? '').publicKey)).toBe(
      true,
    );

    clock.advance(TLS_LIVES.authorityMs / 3);
    expect(certificates((await keeper.check(signal)).caBundle)).toEqual([next]);
  });

  it('is made anew where the server was away until it expired', async () => {
    const { keeper, clock } = bed();
    const first = await keeper.check(signal);
    clock.advance(TLS_LIVES.authorityMs + DAY);
    const anew = await keeper.check(signal);
    expect(certificates(anew.caBundle)).toHaveLength(1);
    expect(anew.caDigest).not.toBe(first.caDigest);
  });

  it('is looked after once an hour, whatever fails, until the server ends', async () => {
    const { keeper, clock, secret } = bed();
    const first = await keeper.check(signal);
    const end = new AbortController();
    const running = keeper.run(end.signal);
    secret.fault = new Error('away');
    const turn = async (ms: number) => {
      while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
      clock.advance(ms);
      while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    };
    await turn(60 * DAY);
    expect(keeper.current).toEqual(first);
    secret.fault = undefined;
    await turn(3_600_000);
    expect(keeper.current.cert).not.toBe(first.cert);
    end.abort();
    await running;
  });
});
