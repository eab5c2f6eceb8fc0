import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { load } from 'js-yaml';
import { z } from 'zod';
import { KubeError } from '../base/kube-error.ts';

/** Where server, CA and user come from. */
export type KubeConfigSource =
  | {
      readonly kind: 'files';
      /** Merged in this order; names must differ. */
      readonly paths: readonly string[];
      /** Default: the file's current context. */
      readonly context?: string;
    }
  | { readonly kind: 'text'; readonly text: string; readonly context?: string }
  | {
      readonly kind: 'in-cluster';
      readonly host: string;
      readonly port: string;
      /** Folder of the mounted service account: `token`, `ca.crt`, `namespace`. */
      readonly folder?: string;
    };

export const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The usual order: `KUBECONFIG`, then the pod's service account, then `~/.kube/config`. */
export function findKubeConfig(where: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
}): KubeConfigSource {
  const {
    KUBECONFIG: files,
    KUBERNETES_SERVICE_HOST: host,
    KUBERNETES_SERVICE_PORT: port,
  } = where.env;
  if (files) return { kind: 'files', paths: files.split(delimiter).filter((path) => path !== '') };
  if (host && port) return { kind: 'in-cluster', host, port };
  const path = join(where.homeDirectory, '.kube', 'config');
  if (existsSync(path)) return { kind: 'files', paths: [path] };
  throw new KubeError(
    'InvalidConfig',
    `no cluster to talk to: KUBECONFIG is not set, this is no pod, and ${path} does not exist; set KUBECONFIG to the path of a kubeconfig`,
  );
}

/**
 * Reads the source anew. Throws KubeError `InvalidConfig`. The library is loaded at the first call:
 * it takes 0.4 s.
 */
export async function loadKubeConfig(source: KubeConfigSource): Promise<KubeConfig> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const config = new Config();
  try {
    if (source.kind === 'in-cluster') return inCluster(config, source);
    if (source.kind === 'text') readInto(config, source.text, undefined);
    else
      for (const [index, path] of source.paths.entries()) {
        const part = index === 0 ? config : new Config();
        readInto(part, readFileSync(path, 'utf8'), dirname(resolve(path)));
        if (part !== config) config.mergeConfig(part, true);
      }
  } catch (thrown) {
    throw invalid(source, firstLine(thrown));
  }
  if (source.context !== undefined) config.setCurrentContext(source.context);
  if (config.getCurrentCluster() === null)
    throw invalid(
      source,
      `context ${JSON.stringify(config.getCurrentContext() ?? '')} names no known cluster; known contexts: ${config.contexts.map((context) => context.name).join(', ')}`,
    );
  return config;
}

function inCluster(
  config: KubeConfig,
  source: Extract<KubeConfigSource, { kind: 'in-cluster' }>,
): KubeConfig {
  const folder = source.folder ?? SERVICE_ACCOUNT_FOLDER;
  const host = source.host.includes(':') ? `[${source.host}]` : source.host;
  config.loadFromClusterAndUser(
    {
      name: 'in-cluster',
      server: `https://${host}:${source.port}`,
      caFile: join(folder, 'ca.crt'),
      skipTLSVerify: false,
    },
    { name: 'service-account', authProvider: tokenFileProvider(join(folder, 'token')) },
  );
  return config;
}

const zTokenFiles = z.looseObject({
  users: z
    .array(
      z.looseObject({
        name: z.string(),
        user: z.looseObject({ tokenFile: z.string().optional() }).nullish(),
      }),
    )
    .nullish(),
});

/** The library does not know the kubeconfig field `tokenFile`, so its users get it here. */
function readInto(config: KubeConfig, text: string, folder: string | undefined): void {
  config.loadFromString(text);
  if (folder !== undefined) config.makePathsAbsolute(folder);
  const files = new Map(
    (zTokenFiles.safeParse(load(text)).data?.users ?? []).map(({ name, user }) => [
      name,
      user?.tokenFile,
    ]),
  );
  config.users = config.users.map((user) => {
    const file = files.get(user.name);
    if (file === undefined) return user;
    const { token: _inline, ...rest } = user;
    const path = isAbsolute(file) || folder === undefined ? file : join(folder, file);
    return { ...rest, authProvider: tokenFileProvider(path) };
  });
}

function tokenFileProvider(tokenFile: string): unknown {
  return { name: 'tokenFile', config: { tokenFile } };
}

/** A YAML error quotes lines of the file after its first line: they may hold a token. */
function firstLine(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.split('\n', 1)[0] ?? '';
}

function invalid(source: KubeConfigSource, problem: string): KubeError {
  const place =
    source.kind === 'files'
      ? source.paths.join(delimiter)
      : { text: 'kubeconfig text', 'in-cluster': 'in-cluster configuration' }[source.kind];
  return new KubeError('InvalidConfig', `${place}: ${problem}`);
}
