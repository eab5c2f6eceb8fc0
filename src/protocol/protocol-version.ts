import { z } from 'zod';
import { ClawError } from '../base/error.ts';
import { PRODUCT } from '../base/product.ts';

/** Version of the operator API. A change that the version before would misread raises it by one. */
const PROTOCOL = 1;

/** What the server of a version speaks: that and the one before, so that an older operator can go on. */
export function spokenBy(version: number): readonly number[] {
  return version > 1 ? [version, version - 1] : [version];
}

/** A program, the release that it is of, and the versions that it speaks. */
export interface Speaker {
  readonly version: string;
  readonly protocol: readonly number[];
}

export const THIS_OPERATOR: Speaker = { version: PRODUCT.version, protocol: [PROTOCOL] };
export const THIS_SERVER: Speaker = { version: PRODUCT.version, protocol: spokenBy(PROTOCOL) };

/** Every call of the operator says with it what it speaks: the version, then its release. */
export const PROTOCOL_HEADER = 'clawgym-protocol';
const zHeader = z
  .string()
  .regex(/^\d{1,6} \S{1,64}$/)
  .transform((text): Speaker => {
    const [version = '', release = ''] = text.split(' ');
    return { protocol: [Number(version)], version: release };
  });

export const protocolHeader = ({ protocol, version }: Speaker): string =>
  `${protocol[0]} ${version}`;

/** Who calls; undefined where it does not say so. Throws `InvalidInput` for a header that is none. */
export function callerOf(header: string | string[] | undefined): Speaker | undefined {
  if (header === undefined) return undefined;
  const parsed = zHeader.safeParse(header);
  if (parsed.success) return parsed.data;
  throw new ClawError(
    'InvalidInput',
    `header ${PROTOCOL_HEADER}: ${JSON.stringify(header)}, expected VERSION RELEASE, for example "${protocolHeader(THIS_OPERATOR)}"`,
  );
}

/**
 * Throws `ProtocolMismatch` where the two share no version: nothing that one says means the same to the
 * other. What runs needs neither of them to agree.
 */
export function requireShared(operator: Speaker, server: Speaker): void {
  if (operator.protocol.some((version) => server.protocol.includes(version))) return;
  throw new ClawError(
    'ProtocolMismatch',
    `operator and server share no protocol version: the operator (release ${operator.version}) speaks ${list(operator)}, ` +
      `the server (release ${server.version}) ${list(server)}; nothing new starts, pods that run go on. Bring both to one release: ` +
      'helm upgrade RELEASE charts/clawgym --reset-then-reuse-values, without a tag or digest of their own in images.operator and images.server',
    // It heals by itself once both are of one release.
    { retryable: true, details: { operator: operator.protocol, server: server.protocol } },
  );
}

const list = ({ protocol }: Speaker): string => protocol.join(' and ') || 'none';
