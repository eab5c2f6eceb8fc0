import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { Clock } from '../../src/base/clock.ts';
import { AUDIENCES, SANDBOX_SERVICE_ACCOUNT } from '../../src/protocol/pod-contract.ts';
import type { KeySource } from '../../src/server/identity/cluster-keys.ts';

export const ISSUER = 'https://kubernetes.default.svc.cluster.local';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

export interface TokenFields {
  readonly audience?: string | string[];
  readonly issuer?: string;
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly subject?: string;
  readonly pod?: { readonly name: string; readonly uid: string } | undefined;
  readonly lifeSeconds?: number;
  /** Replaces or adds claims; undefined removes one. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** Signs service account tokens as a cluster does, with real keys and the test's clock. */
export class TokenMint implements KeySource {
  readonly #clock: Clock;
  readonly #keys = new Map<string, KeyPair>();
  /** Ids of the keys that `keys` publishes. */
  readonly published: string[] = [];
  /** What the next answers are, where they are not the truth. */
  fault: Error | undefined;
  asked = 0;

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  static async create(clock: Clock): Promise<TokenMint> {
    const mint = new TokenMint(clock);
    await mint.addKey('key-1');
    mint.published.push('key-1');
    return mint;
  }

  async addKey(kid: string, alg = 'ES256'): Promise<void> {
    this.#keys.set(kid, await generateKeyPair(alg, { extractable: true }));
  }

  async sign(fields: TokenFields = {}, kid = 'key-1', alg = 'ES256'): Promise<string> {
    const pair = this.#keys.get(kid);
    if (pair === undefined) throw new Error(`no key ${kid}`);
    return await this.#jwt(fields).setProtectedHeader({ alg, kid }).sign(pair.privateKey);
  }

  /** HS256 over the text of the public key: the old confusion of algorithms. */
  async signWithPublicKey(): Promise<string> {
    const pair = this.#keys.get('key-1');
    if (pair === undefined) throw new Error('no key');
    const secret = new TextEncoder().encode(await exportSPKI(pair.publicKey));
    return await this.#jwt({}).setProtectedHeader({ alg: 'HS256', kid: 'key-1' }).sign(secret);
  }

  unsigned(): string {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${part({ alg: 'none', kid: 'key-1' })}.${part(this.#payload({}))}.`;
  }

  async keys(): Promise<unknown> {
    this.asked += 1;
    if (this.fault !== undefined) throw this.fault;
    const keys = this.published.map(async (kid) => {
      const pair = this.#keys.get(kid);
      if (pair === undefined) throw new Error(`no key ${kid}`);
      return { ...(await exportJWK(pair.publicKey)), kid, use: 'sig' };
    });
    return { keys: await Promise.all(keys) };
  }

  async configuration(): Promise<unknown> {
    if (this.fault !== undefined) throw this.fault;
    return await Promise.resolve({ issuer: ISSUER, jwks_uri: `${ISSUER}/openid/v1/jwks` });
  }

  #jwt(fields: TokenFields): SignJWT {
    return new SignJWT(this.#payload(fields));
  }

  #payload(fields: TokenFields): JWTPayload {
    const { namespace = 'team-a', serviceAccount = SANDBOX_SERVICE_ACCOUNT } = fields;
    const pod = 'pod' in fields ? fields.pod : { name: 'pod-name', uid: 'pod-1' };
    const now = Math.floor(this.#clock.now() / 1000);
    return {
      iss: fields.issuer ?? ISSUER,
      aud: fields.audience ?? [AUDIENCES.rollout],
      sub: fields.subject ?? `system:serviceaccount:${namespace}:${serviceAccount}`,
      iat: now,
      nbf: now,
      exp: now + (fields.lifeSeconds ?? 3600),
      'kubernetes.io': {
        namespace,
        node: { name: 'node-1', uid: 'node-uid' },
        ...(pod !== undefined && { pod }),
        serviceaccount: { name: serviceAccount, uid: 'account-uid' },
      },
      ...fields.claims,
    };
  }
}
