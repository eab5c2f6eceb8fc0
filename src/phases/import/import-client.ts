import { createReadStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import {
  IMPORT_ROUTES,
  type ImportClaim,
  type Imported,
  zImportClaim,
  zImported,
} from '../../protocol/import-api.ts';
import { type NoClaim, zNoClaim } from '../../protocol/sandbox-api.ts';
import { readAnswer, refusal, wholeBody } from '../pod/answer.ts';
import type { ListenerConnection, Outgoing } from '../pod/listener-connection.ts';
import { type RepeatDeps, repeatCall } from '../pod/repeat-call.ts';

const zRefused = z.object({ message: z.string() });
const MAX_ANSWER_BYTES = 64 * 1024;
/** A server that says nothing for so long is asked again. It answers an upload when all is stored. */
const IDLE_MS = 120_000;

export interface ImportClientOptions extends RepeatDeps {
  readonly connection: Pick<ListenerConnection, 'send'>;
  /** The pod's token as it is now: the kubelet renews it. */
  readonly readToken: () => Promise<string>;
}

/** The server as a pod sees it that reads tasks from a volume. Calls go on through its restarts. */
export class ImportClient {
  readonly #options: ImportClientOptions;

  constructor(options: ImportClientOptions) {
    this.#options = options;
  }

  /** Throws `Fenced` where the token is refused. */
  async claim(giveUp: AbortSignal): Promise<ImportClaim | NoClaim> {
    const what = 'claim of an import';
    return await this.#call(what, giveUp, async (signal) => {
      const path = IMPORT_ROUTES.claim;
      const answer = await this.#send({ method: 'POST', path, headers: {}, body: null, signal });
      const body = await wholeBody(answer, MAX_ANSWER_BYTES);
      if (answer.statusCode === 409) return readAnswer(what, body, zNoClaim);
      if (answer.statusCode !== 200) throw refusal(what, answer.statusCode ?? 0, body);
      return readAnswer(what, body, zImportClaim);
    });
  }

  /** @param file read from its beginning at each try */
  async put(file: string, size: number, giveUp: AbortSignal): Promise<Imported> {
    const what = `upload of a task set of ${size} bytes`;
    return await this.#call(what, giveUp, async (signal) => {
      const body = createReadStream(file, { end: Math.max(0, size - 1) });
      try {
        const headers = { 'content-type': 'application/octet-stream', 'content-length': size };
        const path = IMPORT_ROUTES.taskSet;
        const answer = await this.#send({ method: 'PUT', path, headers, body, signal });
        const said = await wholeBody(answer, MAX_ANSWER_BYTES);
        if (answer.statusCode === 400) {
          throw new ClawError('InvalidInput', readAnswer(what, said, zRefused).message);
        }
        if (answer.statusCode !== 200) throw refusal(what, answer.statusCode ?? 0, said);
        return readAnswer(what, said, zImported);
      } finally {
        body.destroy();
      }
    });
  }

  async #call<T>(
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
