import type { IncomingMessage } from 'node:http';
import type { Sha256 } from '../../base/brand.ts';
import {
  POLICY_ROUTES,
  type PolicyFiles,
  type PolicyReport,
  type PolicyWanted,
  zPolicyFiles,
  zPolicyWanted,
} from '../../protocol/policy-api.ts';
import { type NoClaim, zNoClaim } from '../../protocol/sandbox-api.ts';
import { readAnswer, refusal, verifiedBody, wholeBody } from '../pod/answer.ts';
import type { ListenerConnection, Outgoing } from '../pod/listener-connection.ts';
import { type RepeatDeps, repeatCall } from '../pod/repeat-call.ts';

const MAX_ANSWER_BYTES = 16 * 1024 ** 2;
/** A server that says nothing for so long is asked again. */
const IDLE_MS = 120_000;

export interface PolicyClientOptions extends RepeatDeps {
  readonly connection: Pick<ListenerConnection, 'send'>;
  /** The pod's token as it is now: the kubelet renews it. */
  readonly readToken: () => Promise<string>;
}

/** The server as a policy pod sees it. Calls go on through its restarts, until the signal ends them. */
export class PolicyClient {
  readonly #options: PolicyClientOptions;

  constructor(options: PolicyClientOptions) {
    this.#options = options;
  }

  /** Throws `Fenced` where the token is refused. */
  async files(giveUp: AbortSignal): Promise<PolicyFiles | NoClaim> {
    const what = 'files of the model';
    return await this.#call(what, giveUp, async (signal) => {
      const path = POLICY_ROUTES.files;
      const answer = await this.#send({ method: 'GET', path, headers: {}, body: null, signal });
      const body = await wholeBody(answer, MAX_ANSWER_BYTES);
      if (answer.statusCode === 409) return readAnswer(what, body, zNoClaim);
      if (answer.statusCode !== 200) throw refusal(what, answer.statusCode ?? 0, body);
      return readAnswer(what, body, zPolicyFiles);
    });
  }

  /** Hands the file's bytes to `write`, from the beginning at each try; it fails on other bytes. */
  async file(
    digest: Sha256,
    write: (bytes: AsyncIterable<Buffer>) => Promise<void>,
    giveUp: AbortSignal,
  ): Promise<void> {
    const what = `file ${digest}`;
    await this.#call(what, giveUp, async (signal) => {
      const path = POLICY_ROUTES.file.replace(':digest', digest);
      const answer = await this.#send({ method: 'GET', path, headers: {}, body: null, signal });
      if (answer.statusCode === 200) return await write(verifiedBody(answer, digest));
      throw refusal(what, answer.statusCode ?? 0, await wholeBody(answer, MAX_ANSWER_BYTES));
    });
  }

  async report(report: PolicyReport, giveUp: AbortSignal): Promise<PolicyWanted | NoClaim> {
    const what = 'report';
    return await this.#call(what, giveUp, async (signal) => {
      const body = Buffer.from(JSON.stringify(report));
      const headers = { 'content-type': 'application/json', 'content-length': body.length };
      const path = POLICY_ROUTES.report;
      const answer = await this.#send({ method: 'POST', path, headers, body, signal });
      const said = await wholeBody(answer, MAX_ANSWER_BYTES);
      if (answer.statusCode === 409) return readAnswer(what, said, zNoClaim);
      if (answer.statusCode !== 200) throw refusal(what, answer.statusCode ?? 0, said);
      return readAnswer(what, said, zPolicyWanted);
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
