import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { z } from 'zod';
import type { Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { Role } from '../../protocol/pod-contract.ts';
import {
  type AttemptEndBody,
  type CompanionClaim,
  type FetchClaim,
  type FetchedBody,
  type NoClaim,
  type ReportClaim,
  SANDBOX_ROUTES,
  type StageClaim,
  type VerdictBody,
  zCompanionClaim,
  zFetchClaim,
  zNoClaim,
  zReportClaim,
  zStageClaim,
  zStoredBody,
} from '../../protocol/sandbox-api.ts';
import { readAnswer, refusal, verifiedBody, wholeBody } from './answer.ts';
import type { ListenerConnection } from './listener-connection.ts';
import { type RepeatDeps, repeatCall } from './repeat-call.ts';

export interface Claims {
  readonly stage: StageClaim;
  readonly companion: CompanionClaim;
  readonly fetch: FetchClaim;
  readonly report: ReportClaim;
}

/** What each role's claim must look like. */
export const CLAIMS: { readonly [R in Role]: z.ZodType<Claims[R]> } = {
  stage: zStageClaim,
  companion: zCompanionClaim,
  fetch: zFetchClaim,
  report: zReportClaim,
};

/** The claim's inline contents are what makes it long. */
const MAX_CLAIM_BYTES = 64 * 1024 * 1024;
const MAX_ANSWER_BYTES = 64 * 1024;
/** Largest artifact that is read whole: the largest file that a task may hold. */
const MAX_READ_BYTES = 256 * 1024 * 1024;
/** A server that says nothing for so long is asked again. */
const IDLE_MS = 30_000;

export interface SandboxClientOptions extends RepeatDeps {
  readonly connection: ListenerConnection;
  /** The pod's token as it is now: the kubelet renews it. */
  readonly readToken: () => Promise<string>;
}

/** What came of a claim, or why there is nothing to do (yet). */
export type ClaimAnswer<R extends Role> =
  | { readonly claim: Claims[R] }
  | { readonly none: NoClaim };

/** What a role asks for and says, whoever answers. */
export interface RoleClient {
  claim<R extends Role>(role: R, giveUp: AbortSignal): Promise<ClaimAnswer<R>>;
  session(credential: string): RoleSession;
}

export type RoleSession = Pick<
  SandboxSession,
  'read' | 'download' | 'put' | 'putBytes' | 'end' | 'fetched' | 'verdict'
>;

/**
 * The sandbox API as a pod's trusted containers see it (design: docs/design/cluster.md 3). Every call
 * goes on through restarts of the server until `giveUp` fires; refusals are thrown at once.
 */
export class SandboxClient implements RoleClient {
  readonly #options: SandboxClientOptions;

  constructor(options: SandboxClientOptions) {
    this.#options = options;
  }

  /** Throws `Fenced` where the token is refused. */
  async claim<R extends Role>(role: R, giveUp: AbortSignal): Promise<ClaimAnswer<R>> {
    const what = `claim of ${role}`;
    const schema: z.ZodType<Claims[R]> = CLAIMS[role];
    return await this.#repeat(what, giveUp, async (signal) => {
      const token = requireToken(await this.#options.readToken());
      const path = SANDBOX_ROUTES.claim.replace(':role', role);
      const answer = await this.#send('POST', path, token, null, signal);
      const body = await wholeBody(answer, MAX_CLAIM_BYTES);
      if (answer.statusCode === 409) return { none: readAnswer(what, body, zNoClaim) };
      requireOk(what, answer, body);
      return { claim: readAnswer(what, body, schema) };
    });
  }

  /** Everything after the claim, in the name of its credential. */
  session(credential: string): SandboxSession {
    return new SandboxSession(this.#options, credential);
  }

  async #repeat<T>(
    what: string,
    giveUp: AbortSignal,
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return await repeatCall(what, call, this.#options, giveUp);
  }

  #send(
    method: 'POST',
    path: string,
    bearer: string,
    body: null,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    return sendAs(this.#options.connection, bearer, { method, path, body, signal });
  }
}

/** The calls that a claim's credential allows. */
export class SandboxSession {
  readonly #options: SandboxClientOptions;
  readonly #credential: string;

  constructor(options: SandboxClientOptions, credential: string) {
    this.#options = options;
    this.#credential = credential;
  }

  /** A whole artifact, verified. Throws `NotFound`, `Fenced`. */
  async read(digest: Sha256, giveUp: AbortSignal): Promise<Buffer> {
    const parts: Buffer[] = [];
    await this.download(digest, giveUp, async (chunks) => {
      parts.length = 0;
      let size = 0;
      for await (const chunk of chunks) {
        size += chunk.length;
        if (size > MAX_READ_BYTES) {
          throw new ClawError(
            'TooLarge',
            `artifact ${digest} has more than ${MAX_READ_BYTES} bytes`,
          );
        }
        parts.push(chunk);
      }
    });
    return Buffer.concat(parts);
  }

  /**
   * Hands an artifact's bytes to `take`, from their beginning at each try; what it took counts when
   * this has resolved.
   */
  async download(
    digest: Sha256,
    giveUp: AbortSignal,
    take: (chunks: AsyncIterable<Buffer>) => Promise<void>,
  ): Promise<void> {
    const path = SANDBOX_ROUTES.artifact.replace(':digest', digest);
    const what = `artifact ${digest}`;
    await this.#call(what, giveUp, async (signal) => {
      const answer = await this.#send({ method: 'GET', path, body: null, signal });
      if (answer.statusCode !== 200) {
        throw refusal(what, answer.statusCode ?? 0, await wholeBody(answer, MAX_ANSWER_BYTES));
      }
      await take(verifiedBody(answer, digest));
    });
  }

  /** Stores bytes; `open` gives them from their beginning at each try. */
  async put(
    artifact: { readonly digest: Sha256; readonly size: number; readonly open: () => Readable },
    giveUp: AbortSignal,
  ): Promise<void> {
    const what = `upload of ${artifact.size} bytes`;
    await this.#call(what, giveUp, async (signal) => {
      const body = artifact.open();
      try {
        const answer = await this.#send({
          method: 'PUT',
          path: SANDBOX_ROUTES.put,
          body,
          signal,
          headers: {
            'content-type': 'application/octet-stream',
            'content-length': artifact.size,
          },
        });
        const said = await wholeBody(answer, MAX_ANSWER_BYTES);
        requireOk(what, answer, said);
        const stored = readAnswer(what, said, zStoredBody);
        if (stored.digest === artifact.digest) return;
        const message = `${what}: the server stored ${stored.digest}, expected ${artifact.digest}`;
        throw new ClawError('CorruptArtifact', message, { retryable: true });
      } finally {
        body.destroy();
      }
    });
  }

  async putBytes(digest: Sha256, bytes: Uint8Array, giveUp: AbortSignal): Promise<void> {
    const open = (): Readable => Readable.from([bytes], { objectMode: false });
    await this.put({ digest, size: bytes.byteLength, open }, giveUp);
  }

  async end(body: AttemptEndBody, giveUp: AbortSignal): Promise<void> {
    await this.#post('end of the attempt', SANDBOX_ROUTES.end, body, giveUp);
  }

  async fetched(body: FetchedBody, giveUp: AbortSignal): Promise<void> {
    await this.#post('findings', SANDBOX_ROUTES.fetched, body, giveUp);
  }

  async verdict(body: VerdictBody, giveUp: AbortSignal): Promise<void> {
    await this.#post('verdict', SANDBOX_ROUTES.verdict, body, giveUp);
  }

  async #post(what: string, path: string, value: object, giveUp: AbortSignal): Promise<void> {
    const body = Buffer.from(JSON.stringify(value));
    await this.#call(what, giveUp, async (signal) => {
      const headers = { 'content-type': 'application/json', 'content-length': body.byteLength };
      const answer = await this.#send({ method: 'POST', path, body, signal, headers });
      requireOk(what, answer, await wholeBody(answer, MAX_ANSWER_BYTES));
    });
  }

  #send(call: BearerCall): Promise<IncomingMessage> {
    return sendAs(this.#options.connection, this.#credential, call);
  }

  async #call(
    what: string,
    giveUp: AbortSignal,
    call: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    await repeatCall(what, call, this.#options, giveUp);
  }
}

interface BearerCall {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body: Uint8Array | Readable | null;
  readonly signal: AbortSignal;
}

function sendAs(
  connection: ListenerConnection,
  bearer: string,
  call: BearerCall,
): Promise<IncomingMessage> {
  const headers = { ...call.headers, authorization: `Bearer ${bearer}` };
  return connection.send({ ...call, headers, idleMs: IDLE_MS });
}

/** Anything else could not be sent, and would look like a server that is away. */
function requireToken(text: string): string {
  const token = text.trim();
  if (/^[\w.~+/=-]+$/.test(token)) return token;
  throw new ClawError('InvalidInput', 'the file of the pod token does not hold a token');
}

function requireOk(what: string, answer: IncomingMessage, body: Buffer): void {
  const status = answer.statusCode ?? 0;
  if (status < 200 || status > 299) throw refusal(what, status, body);
}
