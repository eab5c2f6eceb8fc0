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

interface Asking {
  /** A person of the cluster, or undefined for the holder of the bearer. */
  readonly person: Person | undefined;
  /** Namespace of the batch or SynthesisJob that the request was let through to. */
  granted?: string;
}

/**
 * Who may read what. The bearer of the token Secret reads every run; a person with a token of the cluster
 * reads the batches and SynthesisJobs of those namespaces in which they may `get` rolloutbatches, where the
 * installation may ask the API server for that. Artifacts have no namespace: a person reads those that rows
 * handed to them have named, for as long as they may read the namespace of those rows, and task sets and
 * results of their batches. A right that was taken away holds for the minute that answers of the API server are kept.
 */
export class QueryAccess {
  readonly #options: QueryAccessOptions;
  readonly #asking = new WeakMap<FastifyRequest, Asking>();
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
      this.#asking.set(request, { person: undefined });
      return;
    }
    const person = given === '' ? undefined : await reviews?.whois(given);
    if (person === undefined) throw stranger(reviews !== undefined);
    this.#asking.set(request, { person });
  }

  /** Those of the rows that the request may see, by their namespaces. */
  async visible<T>(
    request: FastifyRequest,
    rows: readonly T[],
    placeOf: (row: T) => string | undefined,
  ): Promise<readonly T[]> {
    const { person } = this.#who(request);
    if (person === undefined) return rows;
    const seen: T[] = [];
    for (const row of rows) {
      const namespace = placeOf(row);
      if (namespace !== undefined && (await this.#mayRead(person, namespace))) seen.push(row);
    }
    return seen;
  }

  async ofBatch(request: FastifyRequest, id: BatchId): Promise<void> {
    const asking = this.#who(request);
    const { person } = asking;
    if (person === undefined) return;
    const batch = await this.#options.store.getBatch(id);
    if (batch === undefined) return;
    const granted = await this.#granted(person, batch);
    if (granted === undefined) throw forbidden(person, `batch ${id}`);
    asking.granted = granted;
  }

  async ofRollout(request: FastifyRequest, id: RolloutId): Promise<void> {
    if (this.#who(request).person === undefined) return;
    const rollout = await this.#options.store.getRollout(id);
    if (rollout !== undefined) await this.ofBatch(request, rollout.batch);
  }

  async ofAttempt(request: FastifyRequest, id: AttemptId): Promise<void> {
    if (this.#who(request).person === undefined) return;
    const attempt = await this.#options.store.getAttempt(id);
    if (attempt !== undefined) await this.ofRollout(request, attempt.rollout);
  }

  /** @param namespace undefined for what no namespace is known of, which only the holder of the bearer reads */
  async ofNamespace(
    request: FastifyRequest,
    namespace: string | undefined,
    what: string,
  ): Promise<void> {
    const asking = this.#who(request);
    const { person } = asking;
    if (person === undefined) return;
    if (namespace === undefined || !(await this.#mayRead(person, namespace)))
      throw forbidden(person, what);
    asking.granted = namespace;
  }

  /** Models belong to no namespace: throws `Forbidden` for everybody but the holder of the bearer. */
  ofHolder(request: FastifyRequest): void {
    const { person } = this.#who(request);
    if (person !== undefined) throw forbidden(person, 'the models of the installation');
  }

  async ofArtifact(request: FastifyRequest, artifact: Sha256): Promise<void> {
    const { person } = this.#who(request);
    if (person === undefined) return;
    const handed = this.#handed.namespaceOf(nameOf(person), artifact);
    if (handed !== undefined && (await this.#mayRead(person, handed))) return;
    for (const id of await this.#options.batchesOf(artifact)) {
      const batch = await this.#options.store.getBatch(id);
      if (batch !== undefined && (await this.#granted(person, batch)) !== undefined) return;
    }
    const hint = 'read the row that names it first';
    throw forbidden(person, `artifact ${artifact} (${hint})`);
  }

  /**
   * Remembers the artifacts that rows name for whoever was handed them: those of fields that the server
   * fills, never digests in text, which might be anybody's. The request was let through to the rows' batch.
   */
  handsOut(request: FastifyRequest, artifacts: readonly Sha256[]): void {
    const { person, granted } = this.#who(request);
    if (person === undefined || granted === undefined) return;
    this.#handed.add(nameOf(person), granted, artifacts);
  }

  #who(request: FastifyRequest): Asking {
    const asking = this.#asking.get(request);
    if (asking === undefined)
      throw new ClawError('Internal', 'a query that nobody was admitted for');
    return asking;
  }

  /** The namespace of the batch, where the person may read it. */
  async #granted(person: Person, batch: BatchRow): Promise<string | undefined> {
    const namespace = namespaceOf(batch);
    if (namespace === undefined) return undefined;
    return (await this.#mayRead(person, namespace)) ? namespace : undefined;
  }

  async #mayRead(person: Person, namespace: string): Promise<boolean> {
    return (await this.#options.reviews?.mayRead(person, namespace)) ?? false;
  }
}

/** One for all tokens of a person: they are given out anew every hour. */
const nameOf = ({ username, uid }: Person): string => JSON.stringify([username, uid]);

/** Undefined for a batch that no cluster made. */
export function namespaceOf({ spec }: BatchRow): string | undefined {
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
