import type { Server, Socket } from 'node:net';

/** Tells that who speaks on a connection has shown a credential of ours. */
export type MarkProven = (socket: Pick<Socket, 'remoteAddress' | 'remotePort'>) => void;

interface Held {
  count: number;
  /** By port, the oldest first. */
  readonly unproven: Map<number, Evictable>;
}

interface Evictable {
  readonly evict: () => void;
}

/**
 * Bounds the connections that one address holds, so that a sandbox cannot use up those of all others.
 * High enough for every pod of a node behind one address, where the network hides pods so.
 *
 * An untrusted container shares its address with a trusted one. Over the limit a new connection
 * therefore takes the place of the oldest that never showed a credential: whoever has one gets in, and
 * keeps what he has.
 */
export function limitConnections(server: Server, perAddress: number): MarkProven {
  const open = new Map<string, Held>();
  server.on('connection', (socket: Socket) => {
    const { remoteAddress: address, remotePort: port } = socket;
    if (address === undefined || port === undefined) {
      socket.destroy();
      return;
    }
    const held = open.get(address) ?? { count: 0, unproven: new Map<number, Evictable>() };
    open.set(address, held);
    let counted = true;
    const leave = (): void => {
      if (!counted) return;
      counted = false;
      held.count -= 1;
      if (held.unproven.get(port) === mine) held.unproven.delete(port);
      if (held.count === 0) open.delete(address);
    };
    const mine: Evictable = {
      evict: () => {
        leave();
        socket.destroy();
      },
    };
    held.count += 1;
    const [oldest] = held.unproven.values();
    if (held.count > perAddress) oldest?.evict();
    held.unproven.set(port, mine);
    socket.once('close', leave);
  });
  return ({ remoteAddress, remotePort }) => {
    if (remotePort !== undefined) open.get(remoteAddress ?? '')?.unproven.delete(remotePort);
  };
}
