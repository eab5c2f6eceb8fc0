import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { TRUSTED } from '../../protocol/pod-contract.ts';
import type { LinkGateway } from '../link-gateway.ts';
import type { RoleClient } from './sandbox-client.ts';

/** What a trusted container's program works with; nothing of it is looked up by the role itself. */
export interface RoleContext {
  readonly client: RoleClient;
  readonly paths: Omit<Readonly<Record<keyof typeof TRUSTED, string>>, 'token'>;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  /** File with the identity of this image's tools (`IMAGE_PATHS.rootDigest`). */
  readonly rootDigestFile: string;
  /** Aborted by SIGTERM. */
  readonly stop: AbortSignal;
  /** Seconds from SIGTERM to SIGKILL. */
  readonly graceSeconds: number;
  /** The model gateway on the sandbox listener; one call opens its connections. */
  readonly openGateway: () => LinkGateway;
  /** Loopback port of the model link. */
  readonly linkPort: number;
}

/** A role's program: resolves with the exit code of its container. */
export type RoleProgram = (context: RoleContext) => Promise<number>;
