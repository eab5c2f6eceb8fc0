import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import {
  type AttemptId,
  type BatchId,
  isRecord,
  parseJson,
  type RolloutId,
  type Sha256,
} from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { RecordReader } from '../../store/record-reader.ts';
import type { BatchRow } from '../../store/records.ts';
import type { AccessReviews, Person } from '../identity/access-reviews.ts';
import { HandedOut } from './handed-out.ts';

export interface QueryAccessOptions {
  readonly store: RecordReader;
  /** Bearer of the token Secret, read anew for each request: it reads everything. */
  readonly token: () => string;
  /** Absent: nobody but the holder of that bearer reads anything. */
  readonly reviews?: AccessReviews | undefined;
  /** Batches whose task set or results the artifact is. */
  readonly batchesOf: (digest: Sha256) => Promise<readonly BatchId[]>;
}

/** Who asks: a person of the cluster, or undefined for the holder of the bearer. */
type Asking = { readonly person: Person; readonly token: string } | undefined;

/**
 * Who may read what. The bearer of the token Secret reads every run; a person with a token of the cluster
 * reads the batches of those namespaces in which they may `get` rolloutbatches, where the installation
 * may ask the API server for that. Artifacts have no namespace: a person reads those that rows handed to
 * them have named, and task sets and results of their batches.
 */
export class QueryAccess {
  readonly #options: QueryAccessOptions;
  readonly #asking = new WeakMap<FastifyRequest, { readonly who: Asking }>();
  readonly #handed = new HandedOut();

  constructor(options: QueryAccessOptions) {
    this.#options = options;
  }

  /** Throws `Unauthorized` for whoever is neither. */
  async admit(request: FastifyRequest): Promise<void> {
    const { token, reviews } = this.#options;
    const given = /^Bearer (\S{1,16384})$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const held = token();
    // Digests have one length, so that time tells nothing about the token.
    if (held !== '' && timingSafeEqual(digest(given), digest(held))) {
      this.#asking.set(request, { who: undefined });
      return;
    }
    const person = given === '' ? undefined : await reviews?.whois(given);
    if (person === undefined) throw stranger(reviews !== undefined);
    this.#asking.set(request, { who: { person, token: digest(given).toString('hex') } });
  }

  /** Those of the batches that the request may see. */
  async visible(
    request: FastifyRequest,
    batches: readonly BatchRow[],
  ): Promise<readonly BatchRow[]> {
    const who = this.#who(request);
    if (who === undefined) return batches;
    const seen: BatchRow[] = [];
    for (const batch of batches) if (await this.#may(who.person, batch)) seen.push(batch);
    return seen;
  }

  async ofBatch(request: FastifyRequest, id: BatchId): Promise<void> {
    const who = this.#who(request);
    if (who === undefined) return;
    const batch = await this.#options.store.getBatch(id);
    if (batch === undefined || (await this.#may(who.person, batch))) return;
    throw forbidden(who.person, `batch ${id}`);
  }

  async ofRollout(request: FastifyRequest, id: RolloutId): Promise<void> {
    if (this.#who(request) === undefined) return;
    const rollout = await this.#options.store.getRollout(id);
    if (rollout !== undefined) await this.ofBatch(request, rollout.batch);
  }

  async ofAttempt(request: FastifyRequest, id: AttemptId): Promise<void> {
    if (this.#who(request) === undefined) return;
    const attempt = await this.#options.store.getAttempt(id);
    if (attempt !== undefined) await this.ofRollout(request, attempt.rollout);
  }

  async ofArtifact(request: FastifyRequest, artifact: Sha256): Promise<void> {
    const who = this.#who(request);
    if (who === undefined || this.#handed.has(who.token, artifact)) return;
    for (const id of await this.#options.batchesOf(artifact)) {
      const batch = await this.#options.store.getBatch(id);
      if (batch !== undefined && (await this.#may(who.person, batch))) return;
    }
    const hint = 'read the row that names it first';
    throw forbidden(who.person, `artifact ${artifact} (${hint})`);
  }

  /**
   * Remembers the artifacts that rows name for whoever was handed them: those of fields that the server
   * fills, never digests in text, which might be anybody's.
   */
  handsOut(request: FastifyRequest, artifacts: readonly Sha256[]): void {
    const who = this.#who(request);
    if (who !== undefined) this.#handed.add(who.token, artifacts);
  }

  #who(request: FastifyRequest): Asking {
    const asking = this.#asking.get(request);
    if (asking === undefined)
      throw new ClawError('Internal', 'a query that nobody was admitted for');
    return asking.who;
  }

  async #may(person: Person, batch: BatchRow): Promise<boolean> {
    const namespace = namespaceOf(batch);
    if (namespace === undefined) return false;
    return (await this.#options.reviews?.mayRead(person, namespace)) ?? false;
  }
}

/** Undefined for a batch that no cluster made. */
function namespaceOf({ spec }: BatchRow): string | undefined {
  const value = parseJson(spec);
  const namespace = isRecord(value) ? value['namespace'] : undefined;
  return typeof namespace === 'string' && namespace !== '' ? namespace : undefined;
}

function stranger(reviewed: boolean): ClawError {
  const message = reviewed
    ? 'the bearer is neither that of the Secret with the token for people nor a token of this cluster'
    : 'the bearer is not that of the Secret with the token for people';
  return new ClawError('Unauthorized', message);
}

function forbidden({ username }: Person, what: string): ClawError {
  return new ClawError(
    'Forbidden',
    `${username} may not read ${what}: that needs the right to get rolloutbatches in its namespace`,
  );
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
