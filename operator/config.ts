import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { zSandbox } from '../src/api/sandbox-spec.ts';
import { parseJson } from '../src/base/brand.ts';
import { ClawError, errorMessage } from '../src/base/error.ts';
import {
  flagUsage,
  readFlags,
  refusedConfig,
  zNameList,
  zPort,
} from '../src/base/process-flags.ts';
import { zPodSettings } from '../src/engines/kubernetes/settings.ts';

/** Flags of the operator, as the chart writes them, with the sentence that --help prints. */
const FLAGS = {
  namespace: 'Namespace of the operator itself: of its lease and of the server.',
  namespaces: 'Namespaces to serve, joined by commas. Absent: the whole cluster.',
  lease: 'Name of the lease by which one of several operators leads. Absent: this one acts alone.',
  'server-url': 'User listener of the server, for example https://clawgym-server.clawgym.svc:8444.',
  'server-ca-file': 'PEM file of the CA that the server is trusted by; read anew while running.',
  'server-token-file': 'Token for the server, audience clawgym/operator; read anew while running.',
  'server-service': 'Name of the Service whose address sandbox pods get.',
  'pod-settings': 'JSON file: images and resources of sandbox pods.',
  'sandbox-defaults': 'JSON file: what spec.sandbox of a run leaves out.',
  'ops-port': 'Port of metrics and probes; 0: none.',
  'log-level': 'debug, info, warn or error.',
} as const;

const zFlags = z.object({
  namespace: z.string().min(1),
  namespaces: zNameList.optional(),
  lease: z.string().min(1).optional(),
  'server-url': z.url({ protocol: /^https?$/, error: 'expected http(s)://HOST:PORT' }),
  'server-ca-file': z.string().min(1).optional(),
  'server-token-file': z.string().min(1),
  'server-service': z.string().min(1),
  'pod-settings': z.string().min(1),
  'sandbox-defaults': z.string().min(1).optional(),
  'ops-port': zPort.default(9090),
  'log-level': z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});

export type OperatorConfig = ReturnType<typeof readConfig>;

/**
 * The configuration of one process, from its flags alone (design: cluster.md 8). Throws `InvalidInput`
 * with flag or file, field and expectation.
 */
export function readConfig(argv: readonly string[]) {
  const parsed = zFlags.safeParse(readFlags(FLAGS, argv));
  if (!parsed.success) throw refusedConfig('--', parsed.error);
  const { data } = parsed;
  return {
    namespace: data.namespace,
    namespaces: data.namespaces,
    lease: data.lease,
    server: {
      url: data['server-url'],
      caFile: data['server-ca-file'],
      tokenFile: data['server-token-file'],
    },
    service: { namespace: data.namespace, name: data['server-service'] },
    podSettings: readJson(data['pod-settings'], zPodSettings),
    sandboxDefaults:
      data['sandbox-defaults'] === undefined
        ? {}
        : readJson(data['sandbox-defaults'], zSandbox.partial()),
    opsPort: data['ops-port'],
    logLevel: data['log-level'],
  };
}

export const usage = (): string => flagUsage('clawgym-operator', FLAGS);

function readJson<T>(path: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = parseJson(readFileSync(path, 'utf8'));
  } catch (thrown) {
    throw new ClawError('InvalidInput', `${path}: ${errorMessage(thrown)}; expected JSON`, {
      cause: thrown,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw refusedConfig(`${path}: `, parsed.error);
}
