import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A key and a certificate for loopback that is its own authority, both PEM. */
export interface LoopbackCertificate {
  readonly key: string;
  readonly certificate: string;
}

export async function loopbackCertificate(): Promise<LoopbackCertificate> {
  const { stdout } = await promisify(execFile)(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', '-', '-days', '2', '-subj', '/CN=fault-proxy'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
    ],
    { timeout: 20_000 },
  );
  const at = stdout.indexOf('-----BEGIN CERTIFICATE-----');
  return { key: stdout.slice(0, at), certificate: stdout.slice(at) };
}
