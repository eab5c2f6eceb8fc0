import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../../gateway/upstream.ts';
import type { PolicyDesk } from './policy-desk.ts';

/**
 * The model of ours that an owner's pod serves, as an upstream. A call waits until the pod answers; one
 * that was under way when the pod was lost is asked anew of the pod that takes its place.
 */
export class PolicyPodUpstream implements Upstream {
  readonly name: string;
  readonly #owner: string;
  readonly #desk: Pick<PolicyDesk, 'served'>;
  #answered = false;

  /** @param name that agents ask for. */
  constructor(owner: string, name: string, desk: Pick<PolicyDesk, 'served'>) {
    this.name = name;
    this.#owner = owner;
    this.#desk = desk;
  }

  get answered(): boolean {
    return this.#answered;
  }

  async chat(ask: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    for (;;) {
      const { client, gone } = await this.#desk.served(this.#owner, this.name, signal);
      try {
        const { body, ...response } = await client.chat(ask, AbortSignal.any([signal, gone]));
        const whole = await buffer(body);
        this.#answered ||= response.status < 300;
        return { ...response, body: Readable.from([whole]) };
      } catch (thrown) {
        if (signal.aborted || !gone.aborted) throw thrown;
      }
    }
  }
}
