import { decodeProtectedHeader, errors, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import type { ClusterKeys, LocalKeys } from './cluster-keys.ts';
import { type Refusal, refuse } from './refusal.ts';

export interface TokenCheck {
  readonly audience: string;
  /** Name of the service account; its namespace is part of the answer. */
  readonly serviceAccount: string;
  /** Only this namespace, where it is known. */
  readonly namespace?: string;
}

/** Whom a service account token speaks for. */
export interface TokenIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Of a token that was projected into a pod. */
  readonly pod: { readonly name: string; readonly uid: string } | undefined;
}

/** What Kubernetes signs with (RSA and the three curves). Never a shared secret, never nothing. */
const ALGORITHMS = ['RS256', 'ES256', 'ES384', 'ES512'];
/** Clocks of nodes differ; far below the life of a token. */
const TOLERANCE_SECONDS = 5;
const MAX_TOKEN_CHARS = 16 * 1024;

const zName = z.object({ name: z.string().min(1) });
const zClaims = z.object({
  sub: z.string(),
  /** Exactly one: a token that is good elsewhere too is no proof here. */
  aud: z.union([z.string(), z.tuple([z.string()])]),
  'kubernetes.io': z.object({
    namespace: z.string().min(1),
    serviceaccount: zName,
    pod: zName.extend({ uid: z.string().min(1) }).optional(),
  }),
});

/**
 * Checks a bearer token against the cluster's keys: signature, issuer, one audience, expiry, service
 * account. Throws the refusals of `refusal.ts`, or `ClusterUnavailable` where the keys are not known.
 */
export class TokenVerifier {
  readonly #keys: ClusterKeys;
  readonly #clock: Clock;

  constructor(keys: ClusterKeys, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** @param authorization value of the header, `Bearer …` */
  async verify(authorization: string | undefined, check: TokenCheck): Promise<TokenIdentity> {
    const token = /^Bearer ([\w.-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw refuse('TokenMissing');
    if (token.length > MAX_TOKEN_CHARS) throw refuse('TokenInvalid', 'too long');
    const keys = await this.#keysOf(token);
    const claims = await this.#claims(token, keys, check);
    const { namespace, serviceaccount, pod } = claims['kubernetes.io'];
    const { name } = serviceaccount;
    const expected =
      name === check.serviceAccount &&
      claims.sub === `system:serviceaccount:${namespace}:${name}` &&
      (check.namespace === undefined || namespace === check.namespace);
    if (!expected) throw refuse('WrongServiceAccount', `${namespace}/${name}`);
    return { namespace, serviceAccount: name, pod };
  }

  async #keysOf(token: string): Promise<LocalKeys> {
    const header = readHeader(token);
    if (header.alg === undefined || !ALGORITHMS.includes(header.alg)) {
      throw refuse('WrongAlgorithm', header.alg ?? 'none');
    }
    if (header.kid === undefined) throw refuse('UnknownKey', 'the token names none');
    const keys = await this.#keys.keysFor(header.kid);
    if (keys === undefined) throw refuse('UnknownKey', header.kid.slice(0, 100));
    return keys;
  }

  async #claims(
    token: string,
    keys: LocalKeys,
    check: TokenCheck,
  ): Promise<z.infer<typeof zClaims>> {
    const issuer = await this.#keys.issuer();
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: check.audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(this.#clock.now()),
        clockTolerance: TOLERANCE_SECONDS,
      });
      const claims = zClaims.safeParse(payload);
      if (claims.success) return claims.data;
      const place = claims.error.issues[0]?.path.join('.') ?? '';
      throw refuse(place === 'aud' ? 'WrongAudience' : 'TokenInvalid', place, claims.error);
    } catch (thrown) {
      throw thrown instanceof ClawError ? thrown : refuse(reasonOf(thrown), '', thrown);
    }
  }
}

function readHeader(token: string): { readonly alg?: string; readonly kid?: string } {
  try {
    const { alg, kid } = decodeProtectedHeader(token);
    return { ...(alg !== undefined && { alg }), ...(kid !== undefined && { kid }) };
  } catch (thrown) {
    throw refuse('TokenInvalid', '', thrown);
  }
}

const CLAIM_REASONS: Readonly<Record<string, Refusal>> = {
  iss: 'WrongIssuer',
  aud: 'WrongAudience',
  nbf: 'TokenNotYetValid',
};

function reasonOf(thrown: unknown): Refusal {
  if (thrown instanceof errors.JWTExpired) return 'TokenExpired';
  if (thrown instanceof errors.JWTClaimValidationFailed) {
    return CLAIM_REASONS[thrown.claim] ?? 'TokenInvalid';
  }
  if (thrown instanceof errors.JWKSNoMatchingKey) return 'UnknownKey';
  if (thrown instanceof errors.JOSEAlgNotAllowed) return 'WrongAlgorithm';
  return 'TokenInvalid';
}
