import { webcrypto } from 'node:crypto';
import { loadX509 } from './load-x509.ts';

/** A certificate and its private key, as PEM. */
export interface KeyedCertificate {
  readonly certificate: string;
  readonly key: string;
}

const KEY = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };
/** Clocks of nodes differ. */
const BACK_DATE_MS = 3_600_000;

/** A self-signed authority that may sign serving certificates and no authority below it. */
export async function makeAuthority(now: number, lifeMs: number): Promise<KeyedCertificate> {
  const x509 = await loadX509();
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Names differ, so that a verifier that knows two authorities never tries the wrong key.
    name: `CN=clawgym-server-ca-${new Date(now).toISOString()}`,
    notBefore: new Date(now - BACK_DATE_MS),
    notAfter: new Date(now + lifeMs),
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return await keyed(certificate.toString('pem'), keys.privateKey);
}

/** A certificate for TLS servers under these DNS names; never longer than its authority lives. */
export async function makeServing(
  authority: KeyedCertificate,
  names: readonly string[],
  now: number,
  lifeMs: number,
): Promise<KeyedCertificate> {
  const x509 = await loadX509();
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=clawgym-server',
    issuer: issuer.subject,
    notBefore: new Date(now - BACK_DATE_MS),
    notAfter: new Date(Math.min(now + lifeMs, issuer.notAfter.getTime())),
    signingAlgorithm: SIGNING,
    signingKey: await importKey(authority.key),
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: 'dns' as const, value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return await keyed(certificate.toString('pem'), keys.privateKey);
}

async function keyed(
  certificate: string,
  privateKey: webcrypto.CryptoKey,
): Promise<KeyedCertificate> {
  const x509 = await loadX509();
  const bytes = await webcrypto.subtle.exportKey('pkcs8', privateKey);
  const key = x509.PemConverter.encode(bytes, 'PRIVATE KEY');
  return { certificate: `${certificate.trim()}\n`, key: `${key.trim()}\n` };
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const x509 = await loadX509();
  const bytes = x509.PemConverter.decodeFirst(pem);
  return await webcrypto.subtle.importKey('pkcs8', bytes, KEY, false, ['sign']);
}
