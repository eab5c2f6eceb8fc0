import { systemClock } from '../../operator/kube/clock.ts';
import { createCredentials } from '../../operator/kube/credentials.ts';
import { silentLogger } from '../../operator/kube/logger.ts';
import type { Transport } from '../../operator/kube/transport.ts';
import { createTransport } from '../../operator/kube/undici-transport.ts';

/** A transport to the server that a kubeconfig file names. */
export function transportOf(kubeconfig: string, userAgent: string): Transport {
  const clock = systemClock;
  const logger = silentLogger;
  const source = { kind: 'files', paths: [kubeconfig] } as const;
  const credentials = createCredentials({ source, clock, logger });
  return createTransport({ credentials, clock, logger, userAgent });
}
