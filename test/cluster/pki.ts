import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostEnv } from './cluster-host.ts';
import { openssl } from './openssl.ts';

/** Paths of a certificate (PEM) and its private key (PEM, P-256). */
export interface Credential {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** File name of the pair, unique within the cluster. */
  readonly name: string;
  /** The user's name for client certificates. */
  readonly commonName: string;
  /** The user's group, for example `system:masters`. */
  readonly organization?: string;
  /** Subject alternative names in openssl's form: `IP:127.0.0.1`, `DNS:localhost`. */
  readonly alternativeNames?: readonly string[];
}

export interface Pki {
  /** The one CA of the cluster: it signs servers, clients and kubelets. */
  readonly authority: Credential;
  /** Key pair that signs service account tokens; `certificate` is the public key. */
  readonly serviceAccounts: Credential;
  /** A pair that serves as server and client certificate. */
  issue(request: CertificateRequest): Promise<Credential>;
}

const DAYS = '30';
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes the CA and the key pair of the service accounts in a new folder. */
export async function createPki(folder: string, env: HostEnv): Promise<Pki> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const pair = (name: string): Credential => ({
    certificate: join(folder, `${name}.crt`),
    key: join(folder, `${name}.key`),
  });
  const authority = pair('ca');
  const serviceAccounts = pair('service-accounts');
  await Promise.all([makeAuthority(authority, env), makeKeyPair(serviceAccounts, env)]);
  return {
    authority,
    serviceAccounts,
    issue: async (request) => {
      const issued = pair(request.name);
      await makeCertificate(request, issued, authority, env);
      return issued;
    },
  };
}

async function makeAuthority({ certificate, key }: Credential, env: HostEnv): Promise<void> {
  await openssl(
    [
      ...['req', '-x509', ...NEW_KEY, '-days', DAYS, '-subj', '/CN=clawgym-test-cluster'],
      ...['-addext', 'basicConstraints=critical,CA:TRUE'],
      ...['-addext', 'keyUsage=critical,digitalSignature,keyCertSign'],
      ...['-keyout', key, '-out', certificate],
    ],
    env,
  );
}

async function makeKeyPair({ certificate, key }: Credential, env: HostEnv): Promise<void> {
  await openssl(['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key], env);
  await openssl(['ec', '-in', key, '-pubout', '-out', certificate], env);
}

async function makeCertificate(
  { commonName, organization, alternativeNames = [] }: CertificateRequest,
  { certificate, key }: Credential,
  authority: Credential,
  env: HostEnv,
): Promise<void> {
  const group = organization === undefined ? '' : `/O=${organization}`;
  const names =
    alternativeNames.length === 0
      ? []
      : ['-addext', `subjectAltName=${alternativeNames.join(',')}`];
  await openssl(
    [
      ...['req', '-x509', ...NEW_KEY, '-days', DAYS],
      ...['-CA', authority.certificate, '-CAkey', authority.key],
      ...['-subj', `${group}/CN=${commonName}`],
      ...['-addext', 'basicConstraints=critical,CA:FALSE'],
      ...['-addext', 'keyUsage=critical,digitalSignature'],
      ...['-addext', 'extendedKeyUsage=serverAuth,clientAuth', ...names],
      ...['-keyout', key, '-out', certificate],
    ],
    env,
  );
}
