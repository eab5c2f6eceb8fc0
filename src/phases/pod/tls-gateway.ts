import type { IncomingMessage } from 'node:http';
import { GATEWAY_PREFIX } from '../../protocol/pod-contract.ts';
import type { GatewayCall, GatewayReply, LinkGateway } from '../link-gateway.ts';
import type { ListenerConnection } from './listener-connection.ts';

/** The model gateway behind the sandbox listener. */
export class TlsGateway implements LinkGateway {
  readonly #connection: ListenerConnection;

  /** @param connection of the gateway's own: closing the gateway closes it */
  constructor(connection: ListenerConnection) {
    this.#connection = connection;
  }

  async call(call: GatewayCall): Promise<GatewayReply> {
    const path = `${GATEWAY_PREFIX}${call.path}`;
    // A model may think for as long as it likes; how long is too long, the gateway says.
    const answer = await this.#connection.send({ ...call, path, idleMs: 0 });
    return {
      statusCode: answer.statusCode ?? 0,
      headers: answer.headers,
      body: answer,
      dump: () => dump(answer),
    };
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}

async function dump(answer: IncomingMessage): Promise<void> {
  const chunks: AsyncIterable<unknown> = answer;
  for await (const chunk of chunks) void chunk;
}
