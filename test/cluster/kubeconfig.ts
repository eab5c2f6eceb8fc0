import { readFile, writeFile } from 'node:fs/promises';
import type { Credential } from './pki.ts';

export interface KubeconfigParts {
  /** Address of the API server, for example `https://127.0.0.1:6443`. */
  readonly server: string;
  /** Path of the CA's certificate. */
  readonly authority: string;
  readonly client: Credential;
}

/**
 * Writes a kubeconfig with all certificates inside, so that the file can be copied anywhere. It is
 * JSON, which is YAML too.
 */
export async function writeKubeconfig(path: string, parts: KubeconfigParts): Promise<void> {
  const name = 'clawgym';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      {
        name,
        cluster: {
          server: parts.server,
          'certificate-authority-data': await base64(parts.authority),
        },
      },
    ],
    users: [
      {
        name,
        user: {
          'client-certificate-data': await base64(parts.client.certificate),
          'client-key-data': await base64(parts.client.key),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  await writeFile(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}

async function base64(path: string): Promise<string> {
  return (await readFile(path)).toString('base64');
}
