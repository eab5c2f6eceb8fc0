import { z } from 'zod';
import { flagUsage, readFlags, refusedConfig, zNameList, zPort } from '../../base/process-flags.ts';

/** Flags of the server, as the chart writes them (design: cluster.md 8), with the words of --help. */
const FLAGS = {
  namespace: 'Namespace of the server itself: of its Secrets, its Service and the operator.',
  namespaces: 'Namespaces that are served, joined by commas. Absent: every one.',
  'data-dir': 'Folder of rows and artifacts, on a volume that outlives the pod.',
  'certificate-secret': 'Secret in which the server keeps its certificates.',
  'user-token-secret': 'Secret in which the server keeps the bearer of people.',
  'ca-secret': 'Secret in which the server publishes its certificates, and nothing else.',
  service: 'Name of the Service, for the certificate of the user listener.',
  'operator-account': "Service account of the operator, in the server's namespace.",
  'sandbox-port': 'Port of the listener for sandboxes.',
  'user-port': 'Port of the listener for the operator and for people.',
  'ops-port': 'Port of metrics and probes.',
  'task-url-hosts': 'Hosts that task sources may name, joined by commas. Absent: none.',
  'retention-days': 'Days that the rows of a deleted run are kept.',
  'access-reviews':
    'true: people with a token of the cluster read the runs of namespaces in which they may get rolloutbatches.',
  'log-level': 'debug, info, warn or error.',
} as const;
const zName = z.string().min(1).max(253);

const zFlags = z.object({
  namespace: zName,
  namespaces: zNameList.optional(),
  'data-dir': z.string().startsWith('/'),
  'certificate-secret': zName,
  'user-token-secret': zName,
  'ca-secret': zName,
  service: zName,
  'operator-account': zName,
  'sandbox-port': zPort.default(8443),
  'user-port': zPort.default(8444),
  'ops-port': zPort.default(9090),
  'task-url-hosts': zNameList.optional(),
  'retention-days': z.coerce.number().int().min(1).max(36_500).default(30),
  'access-reviews': z.enum(['true', 'false']).default('false'),
  'log-level': z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});

export type ServerConfig = ReturnType<typeof readServerConfig>;

/** The configuration of one process, from its flags alone. Throws `InvalidInput`. */
export function readServerConfig(argv: readonly string[]) {
  const parsed = zFlags.safeParse(readFlags(FLAGS, argv));
  if (!parsed.success) throw refusedConfig('--', parsed.error);
  const { data } = parsed;
  return {
    namespace: data.namespace,
    namespaces: data.namespaces,
    dataDir: data['data-dir'],
    certificateSecret: data['certificate-secret'],
    userTokenSecret: data['user-token-secret'],
    caSecret: data['ca-secret'],
    service: data.service,
    operatorAccount: data['operator-account'],
    sandboxPort: data['sandbox-port'],
    userPort: data['user-port'],
    opsPort: data['ops-port'],
    taskUrlHosts: new Set(data['task-url-hosts']),
    retentionDays: data['retention-days'],
    accessReviews: data['access-reviews'] === 'true',
    logLevel: data['log-level'],
  };
}

export const serverUsage = (): string => flagUsage('clawgym-server', FLAGS);
