import { Readable } from 'node:stream';
import type { Sha256 } from '../../base/brand.ts';
import { wholeBytes } from '../../base/whole-bytes.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../../gateway/upstream.ts';
import type { PolicyOfBatchBody } from '../../protocol/policy-api.ts';
import type { PolicyDesk } from './policy-desk.ts';

/**
 * The model of ours that a pod serves to a batch, as an upstream. A call waits until the pod answers with that
 * model, by digest; one that was under way when the pod was lost is asked anew of the pod that takes its place.
 */
export class PolicyPodUpstream implements Upstream {
  readonly name: string;
  readonly #batch: string;
  readonly #model: Sha256;
  readonly #desk: Pick<PolicyDesk, 'served'>;
  #answered = false;

  /** @param asked the name that agents ask for, and the model that the batch was planned with */
  constructor(batch: string, asked: PolicyOfBatchBody, desk: Pick<PolicyDesk, 'served'>) {
    this.name = asked.name;
    this.#model = asked.model;
    this.#batch = batch;
    this.#desk = desk;
  }

  get answered(): boolean {
    return this.#answered;
  }

  async chat(ask: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    for (;;) {
      const asked = { name: this.name, model: this.#model };
      const { client, gone } = await this.#desk.served(this.#batch, asked, signal);
      try {
        const { body, ...response } = await client.chat(ask, AbortSignal.any([signal, gone]));
        const whole = await wholeBytes(body);
        // It may have been another version that answered.
        if (gone.aborted) continue;
        this.#answered ||= response.status < 300;
        return { ...response, body: Readable.from([whole]) };
      } catch (thrown) {
        if (signal.aborted || !gone.aborted) throw thrown;
      }
    }
  }
}
