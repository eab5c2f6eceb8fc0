import { asErrorCode, ClawError } from '../../base/error.ts';
import { SYNTHESIS_ROUTES, zAsked } from '../../protocol/synthesis-api.ts';
import type { ModelAnswer, ModelQuestion } from '../model-caller.ts';
import type { StageContext } from '../stages/stage.ts';
import type { SynthesisClient } from './synthesis-client.ts';

/** Asks the models through the server, which has their keys and records each answer before it gives it. */
export class HttpCaller implements Pick<StageContext['caller'], 'ask' | 'exhausted'> {
  readonly #client: SynthesisClient;
  #exhausted: boolean;

  constructor(client: SynthesisClient, exhausted: boolean) {
    this.#client = client;
    this.#exhausted = exhausted;
  }

  get exhausted(): boolean {
    return this.#exhausted;
  }

  async ask(question: ModelQuestion, signal: AbortSignal): Promise<ModelAnswer> {
    const { number, label, stage, role, prompt } = question;
    const body = { number, label, stage, role, prompt };
    const ask = { method: 'POST', path: SYNTHESIS_ROUTES.calls, body } as const;
    for (;;) {
      const what = `call ${label} of record ${number}`;
      const answer = await this.#client.call(what, ask, zAsked, signal);
      if (answer.kind === 'pending') continue;
      if (answer.kind === 'refused') {
        if (answer.code === 'BudgetExhausted') this.#exhausted = true;
        throw new ClawError(asErrorCode(answer.code), answer.message);
      }
      this.#exhausted = answer.exhausted;
      return { callId: answer.callId, text: answer.text };
    }
  }
}
