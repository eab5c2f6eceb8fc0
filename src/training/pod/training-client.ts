import { createReadStream, createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { readAnswer, refusal, verifiedBody, wholeBody } from '../../phases/pod/answer.ts';
import type { ListenerConnection, Outgoing } from '../../phases/pod/listener-connection.ts';
import { type RepeatDeps, repeatCall } from '../../phases/pod/repeat-call.ts';
import { type NoClaim, zNoClaim } from '../../protocol/sandbox-api.ts';
import type { TrainingFile, TrainingProgress } from '../../protocol/training-api.ts';
import {
  artifactRoute,
  type CheckpointBody,
  MAX_FILES_BODY,
  type PutFile,
  TRAINING_ROUTES,
  type TrainingClaim,
  type TrainingResultBody,
  zPutFile,
  zTrainingClaim,
} from '../../protocol/training-pod-api.ts';

/** A server that says nothing for so long is asked again. It answers an upload when all is stored. */
const IDLE_MS = 120_000;
const MAX_ANSWER_BYTES = MAX_FILES_BODY;

export interface TrainingClientOptions extends RepeatDeps {
  readonly connection: Pick<ListenerConnection, 'send'>;
  /** The pod's token as it is now: the kubelet renews it. */
  readonly readToken: () => Promise<string>;
}

/** The server as the trusted containers of a training pod see it. Calls go on through its restarts. */
export class TrainingClient {
  readonly #options: TrainingClientOptions;

  constructor(options: TrainingClientOptions) {
    this.#options = options;
  }

  /** Throws `Fenced` where the token is refused or the run is over. */
  async claim(giveUp: AbortSignal): Promise<TrainingClaim | NoClaim> {
    const what = 'claim of a training pod';
    return await this.#repeat(what, giveUp, async (signal) => {
      const answer = await this.#send({ ...POST, path: TRAINING_ROUTES.claim, body: null, signal });
      const body = await wholeBody(answer, MAX_ANSWER_BYTES);
      if (answer.statusCode === 200) return readAnswer(what, body, zTrainingClaim);
      if (answer.statusCode === 409 && body.includes('"decision"')) {
        return readAnswer(what, body, zNoClaim);
      }
      throw refusal(what, answer.statusCode ?? 0, body);
    });
  }

  /** Writes the artifact to `path`, its digest checked. */
  async download(
    { path: name, sha256 }: TrainingFile,
    path: string,
    giveUp: AbortSignal,
  ): Promise<void> {
    const what = `download of ${name}`;
    await this.#repeat(what, giveUp, async (signal) => {
      const route = artifactRoute(sha256);
      const outgoing = { method: 'GET', path: route, headers: {}, body: null, signal } as const;
      const answer = await this.#send(outgoing);
      if (answer.statusCode !== 200) {
        const body = await wholeBody(answer, MAX_ANSWER_BYTES);
        throw refusal(what, answer.statusCode ?? 0, body);
      }
      await pipeline(verifiedBody(answer, sha256), createWriteStream(path), { signal });
    });
  }

  /** @param file read from its beginning at each try */
  async put(file: string, size: number, giveUp: AbortSignal): Promise<PutFile> {
    const what = `upload of ${file}`;
    return await this.#repeat(what, giveUp, async (signal) => {
      const body = createReadStream(file, { end: Math.max(0, size - 1) });
      try {
        const headers = { 'content-type': 'application/octet-stream', 'content-length': size };
        const path = TRAINING_ROUTES.put;
        const answer = await this.#send({ method: 'PUT', path, headers, body, signal });
        const said = await wholeBody(answer, MAX_ANSWER_BYTES);
        if (answer.statusCode !== 200) throw refusal(what, answer.statusCode ?? 0, said);
        return readAnswer(what, said, zPutFile);
      } finally {
        body.destroy();
      }
    });
  }

  /** Once: the next one says more. */
  async progress(told: TrainingProgress, signal: AbortSignal): Promise<void> {
    await this.#post('progress of a trainer', TRAINING_ROUTES.progress, told, signal);
  }

  async checkpoint(body: CheckpointBody, giveUp: AbortSignal): Promise<void> {
    const what = `checkpoint of step ${body.step}`;
    await this.#repeat(what, giveUp, (signal) =>
      this.#post(what, TRAINING_ROUTES.checkpoint, body, signal),
    );
  }

  async result(body: TrainingResultBody, giveUp: AbortSignal): Promise<void> {
    const what = 'result of a trainer';
    await this.#repeat(what, giveUp, (signal) =>
      this.#post(what, TRAINING_ROUTES.result, body, signal),
    );
  }

  async #post(what: string, path: string, value: unknown, signal: AbortSignal): Promise<void> {
    const body = Buffer.from(JSON.stringify(value));
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const answer = await this.#send({ method: 'POST', path, headers, body, signal });
    const said = await wholeBody(answer, MAX_ANSWER_BYTES);
    if (answer.statusCode !== 200) throw refusal(what, answer.statusCode ?? 0, said);
  }

  async #repeat<T>(
    what: string,
    giveUp: AbortSignal,
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return await repeatCall(what, call, this.#options, giveUp);
  }

  async #send(outgoing: Omit<Outgoing, 'idleMs'>): Promise<IncomingMessage> {
    const token = (await this.#options.readToken()).trim();
    const headers = { ...outgoing.headers, authorization: `Bearer ${token}` };
    return await this.#options.connection.send({ ...outgoing, headers, idleMs: IDLE_MS });
  }
}

const POST = { method: 'POST', headers: {} } as const;
