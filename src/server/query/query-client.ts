import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { PassThrough, pipeline, Transform } from 'node:stream';
import { type Dispatcher, request } from 'undici';
import { z } from 'zod';
import type { Sha256 } from '../../base/brand.ts';
import { parseJson } from '../../base/brand.ts';
import { asErrorCode, ClawError, errorMessage } from '../../base/error.ts';
import {
  type KnownSynthesis,
  OVERVIEW_PAGE,
  QUERY_PREFIX,
  QUERY_ROUTES,
  zKnownSynthesis,
  zListedModel,
  zPutArtifact,
} from '../../protocol/query-api.ts';
import type { ArtifactStore, StoredArtifact } from '../../store/artifacts.ts';
import type { RecordReader } from '../../store/record-reader.ts';
import type {
  SynthesisCallRow,
  SynthesisReader,
  SynthesisRecordRow,
} from '../../store/synthesis-records.ts';
import { type RecordOverview, zRecordOverview } from '../../synthesis/record-overview.ts';
import type { KnownModel } from '../../training/model-records.ts';
import {
  zAttemptPod,
  zAttemptRow,
  zBatchRow,
  zCallRow,
  zOutcomeCounts,
  zRolloutRow,
  zSynthesisCallRow,
  zSynthesisRecordRow,
  zVerificationRow,
} from './query-rows.ts';

export interface QueryClientOptions {
  /** Scheme, host and port of the user listener. */
  readonly url: string;
  /** How to reach it, its certificates included. Not closed by the client. */
  readonly dispatcher: Dispatcher;
  readonly token: string;
  readonly signal: AbortSignal;
}

type Parameters = Readonly<Record<string, string>>;

/** Of one answer of rows: a plan of 100,000 rollouts with their checks fits. */
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;
const TIMEOUT_MS = 60_000;
const zProblem = z.object({ code: z.string(), message: z.string(), retryable: z.boolean() });

/** A record reader and the reading half of an artifact store, over the query API of a server. */
export class QueryClient implements RecordReader, Pick<ArtifactStore, 'read' | 'stream'> {
  readonly #options: QueryClientOptions;

  constructor(options: QueryClientOptions) {
    this.#options = options;
  }

  getBatch: RecordReader['getBatch'] = (id) => this.#row(QUERY_ROUTES.batch, { id }, zBatchRow);
  listBatches: RecordReader['listBatches'] = () => this.#rows(QUERY_ROUTES.batches, {}, zBatchRow);
  getRollout: RecordReader['getRollout'] = (id) =>
    this.#row(QUERY_ROUTES.rollout, { id }, zRolloutRow);
  listRollouts: RecordReader['listRollouts'] = (batch, { undecided = false } = {}) =>
    this.#rows(QUERY_ROUTES.rollouts, { batch, undecided: String(undecided) }, zRolloutRow);
  getAttempt: RecordReader['getAttempt'] = (id) =>
    this.#row(QUERY_ROUTES.attempt, { id }, zAttemptRow);
  listAttempts: RecordReader['listAttempts'] = (rollout) =>
    this.#rows(QUERY_ROUTES.attempts, { rollout }, zAttemptRow);
  listVerifications: RecordReader['listVerifications'] = (attempt) =>
    this.#rows(QUERY_ROUTES.verifications, { attempt }, zVerificationRow);
  listPods: RecordReader['listPods'] = (attempt) =>
    this.#rows(QUERY_ROUTES.pods, { attempt }, zAttemptPod);
  getCall: RecordReader['getCall'] = (id) => this.#row(QUERY_ROUTES.call, { id }, zCallRow);
  listCalls: RecordReader['listCalls'] = (attempt) =>
    this.#rows(QUERY_ROUTES.calls, { attempt }, zCallRow);
  getSynthesisCall: SynthesisReader['getSynthesisCall'] = (id) =>
    this.#row(QUERY_ROUTES.synthesisCall, { id }, zSynthesisCallRow);

  countOutcomes: RecordReader['countOutcomes'] = async (batch) =>
    (await this.#row(QUERY_ROUTES.outcomes, { batch }, zOutcomeCounts)) ?? {
      planned: 0,
      undecided: 0,
    };

  /** Whole content, verified. Throws `NotFound` or `CorruptArtifact`. */
  async read(digest: Sha256): Promise<Uint8Array> {
    return await collect(await this.stream(digest));
  }

  /** The stream fails with `CorruptArtifact` at its end where the bytes are not those of the digest. */
  async stream(digest: Sha256): Promise<Readable> {
    const body = await this.#get(QUERY_ROUTES.artifact.replace(':digest', digest), {});
    return pipeline(body, verifying(digest), new PassThrough(), () => undefined);
  }

  /** For readers that ask first; what is not there fails when it is read. */
  async size(digest: Sha256): Promise<number> {
    return (await this.read(digest)).length;
  }

  async listSyntheses(): Promise<readonly KnownSynthesis[]> {
    return await this.#rows(QUERY_ROUTES.syntheses, {}, zKnownSynthesis);
  }

  /** A person reads its task set once they were told of it. */
  async getSynthesis(id: string): Promise<KnownSynthesis | undefined> {
    return await this.#row(QUERY_ROUTES.synthesis, { id }, zKnownSynthesis);
  }

  /** By number. */
  async listRecordOverviews(synthesis: string): Promise<readonly RecordOverview[]> {
    const all: RecordOverview[] = [];
    for (;;) {
      const page = { synthesis, after: String(all.at(-1)?.number ?? 0) };
      const rows = await this.#rows(QUERY_ROUTES.synthesisRecords, page, zRecordOverview);
      all.push(...rows);
      if (rows.length < OVERVIEW_PAGE) return all;
    }
  }

  async getSynthesisRecord(
    synthesis: string,
    number: number,
  ): Promise<SynthesisRecordRow | undefined> {
    const one = { synthesis, number: String(number) };
    return await this.#row(QUERY_ROUTES.synthesisRecord, one, zSynthesisRecordRow);
  }

  async listRecordCalls(synthesis: string, number: number): Promise<readonly SynthesisCallRow[]> {
    const one = { synthesis, number: String(number) };
    return await this.#rows(QUERY_ROUTES.synthesisCalls, one, zSynthesisCallRow);
  }

  async listModels(): Promise<readonly KnownModel[]> {
    return await this.#rows(QUERY_ROUTES.models, {}, zListedModel);
  }

  async putStream(stream: Readable): Promise<StoredArtifact> {
    return await this.#write('PUT', QUERY_ROUTES.put, stream, zPutArtifact);
  }

  async put(bytes: Uint8Array): Promise<StoredArtifact> {
    return await this.#write('PUT', QUERY_ROUTES.put, Buffer.from(bytes), zPutArtifact);
  }

  /** Of a manifest and files that were put. */
  async importModel(model: { readonly digest: Sha256; readonly source: string }): Promise<void> {
    await this.#write('POST', QUERY_ROUTES.models, JSON.stringify(model), z.unknown());
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #write<T>(
    method: 'PUT' | 'POST',
    route: string,
    body: Readable | Buffer | string,
    type: z.ZodType<T>,
  ): Promise<T> {
    const { url, dispatcher, token, signal } = this.#options;
    const form = typeof body === 'string' ? 'json' : 'octet-stream';
    const answer = await request(`${url}${QUERY_PREFIX}${route}`, {
      ...{ method, body, dispatcher, signal, headersTimeout: 0, bodyTimeout: TIMEOUT_MS },
      headers: { authorization: `Bearer ${token}`, 'content-type': `application/${form}` },
    });
    const text = (await collect(answer.body)).toString('utf8');
    if (answer.statusCode !== 200) {
      throw problemOf(`${method} ${QUERY_PREFIX}${route}`, answer.statusCode, text);
    }
    return type.parse(jsonOf(text));
  }

  async #row<T>(route: string, parameters: Parameters, type: z.ZodType<T>): Promise<T | undefined> {
    const { row } = await this.#json(route, parameters, z.object({ row: type.nullable() }));
    return row ?? undefined;
  }

  async #rows<T>(route: string, parameters: Parameters, type: z.ZodType<T>): Promise<readonly T[]> {
    return (await this.#json(route, parameters, z.object({ rows: z.array(type) }))).rows;
  }

  async #json<T>(route: string, parameters: Parameters, type: z.ZodType<T>): Promise<T> {
    const text = (await collect(await this.#get(route, parameters))).toString('utf8');
    const parsed = type.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new ClawError(
      'Internal',
      `GET ${QUERY_PREFIX}${route}: the answer does not fit the query API: ${z.prettifyError(parsed.error)}; do clawgym and the server have the same version?`,
      { cause: parsed.error },
    );
  }

  async #get(route: string, parameters: Parameters): Promise<Readable> {
    const { url, dispatcher, token, signal } = this.#options;
    const place = `GET ${QUERY_PREFIX}${route}`;
    try {
      const { statusCode, body } = await request(`${url}${QUERY_PREFIX}${route}`, {
        query: parameters,
        dispatcher,
        signal,
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
        headers: { authorization: `Bearer ${token}`, accept: '*/*' },
      });
      if (statusCode === 200) return body;
      throw problemOf(place, statusCode, (await collect(body)).toString('utf8'));
    } catch (thrown) {
      if (thrown instanceof ClawError) throw thrown;
      signal.throwIfAborted();
      throw new ClawError('ServerUnavailable', `${place}: ${errorMessage(thrown)}`, {
        cause: thrown,
        retryable: true,
      });
    }
  }
}

function problemOf(place: string, status: number, text: string): ClawError {
  const parsed = zProblem.safeParse(jsonOf(text));
  if (!parsed.success) {
    return new ClawError('ServerUnavailable', `${place}: status ${status}: ${text.slice(0, 300)}`, {
      retryable: true,
    });
  }
  const { code, message, retryable } = parsed.data;
  return new ClawError(asErrorCode(code), message, { retryable });
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) {
      throw new ClawError('TooLarge', `an answer of the server is above ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Passes bytes on and fails at the end where they are not those of the digest. */
function verifying(digest: Sha256): Transform {
  const hash = createHash('sha256');
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const found = hash.digest('hex');
      done(
        found === digest
          ? null
          : new ClawError('CorruptArtifact', `artifact ${digest} arrived with digest ${found}`),
      );
    },
  });
}
