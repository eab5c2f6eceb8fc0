import { Agent } from 'undici';
import type { GatewayCall, GatewayReply, LinkGateway } from './link-gateway.ts';

/** The gateway behind a Unix socket of this host. */
export class SocketGateway implements LinkGateway {
  readonly #agent: Agent;

  constructor(socketPath: string, connections: number) {
    this.#agent = new Agent({
      headersTimeout: 0,
      bodyTimeout: 0,
      connections,
      connect: { socketPath },
    });
  }

  async call(call: GatewayCall): Promise<GatewayReply> {
    const { statusCode, headers, body } = await this.#agent.request({
      ...call,
      origin: 'http://gateway',
    });
    return { statusCode, headers, body, dump: () => body.dump() };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
