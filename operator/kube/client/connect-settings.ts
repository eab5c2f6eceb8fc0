import type { ConnectionOptions } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { KubeError } from '../base/kube-error.ts';

/** Where the API server is and how its connections are secured. */
export interface ConnectSettings {
  /** URL of the server; may have a path (`https://host/k8s/clusters/c-1`). */
  readonly server: string;
  readonly tls: TlsSettings;
  /** Of the kubeconfig; `http:` and `https:` only. */
  readonly proxyUrl: string | undefined;
}

export type TlsSettings = {
  readonly [K in
    | 'ca'
    | 'cert'
    | 'key'
    | 'pfx'
    | 'passphrase'
    | 'rejectUnauthorized'
    | 'servername']: ConnectionOptions[K] | undefined;
};

/** True where connections of `a` serve `b` as well: also the bytes of CA and certificate match. */
export function sameSettings(a: ConnectSettings, b: ConnectSettings): boolean {
  return isDeepStrictEqual(a, b);
}

/** Origin and path prefix of the server. Throws `InvalidConfig`. */
export function serverAddress(settings: ConnectSettings): { origin: string; prefix: string } {
  const url = URL.parse(settings.server);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new KubeError(
      'InvalidConfig',
      `kubeconfig: server ${JSON.stringify(settings.server)} is not an http(s) URL`,
    );
  return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, '') };
}

/** TLS options without the undefined ones, which the TLS layer would take as set. */
export function definedTls(tls: TlsSettings): Pick<ConnectionOptions, keyof TlsSettings> {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
}
