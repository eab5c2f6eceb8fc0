import { systemClock } from '../../operator/kube/base/clock.ts';
import { silentLogger } from '../../operator/kube/base/logger.ts';
import { createCredentials } from '../../operator/kube/client/credentials.ts';
import type { Transport } from '../../operator/kube/client/transport.ts';
import { createTransport } from '../../operator/kube/client/undici-transport.ts';

/** A transport to the server that a kubeconfig file names. */
export function transportOf(kubeconfig: string, userAgent: string): Transport {
  const clock = systemClock;
  const logger = silentLogger;
  const source = { kind: 'files', paths: [kubeconfig] } as const;
  const credentials = createCredentials({ source, clock, logger });
  return createTransport({ credentials, clock, logger, userAgent });
}
