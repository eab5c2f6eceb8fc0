import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limitConnections, type MarkProven } from './address-limit.ts';

const server = createServer();
let port = 0;
let markProven: MarkProven;
let accepted: Socket[] = [];
let clients: Socket[] = [];

beforeEach(async () => {
  accepted = [];
  clients = [];
  markProven = limitConnections(server, 2);
  server.on('connection', (socket: Socket) => {
    accepted.push(socket.on('error', () => undefined));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});
afterEach(async () => {
  for (const socket of [...clients, ...accepted]) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  server.removeAllListeners();
});

/** Opens one more connection; resolves when the server has it. */
async function open(): Promise<void> {
  const seen = once(server, 'connection');
  clients.push(connect(port, '127.0.0.1').on('error', () => undefined));
  await seen;
}

const alive = () => accepted.map(({ destroyed }) => !destroyed);

describe('an address at its limit', () => {
  it('gives the place of its oldest connection to the new one', async () => {
    for (let count = 0; count < 4; count += 1) await open();
    expect(alive()).toEqual([false, false, true, true]);
  });

  it('never gives that of a connection that has shown a credential', async () => {
    await open();
    const [first] = accepted;
    if (first !== undefined) markProven(first);
    for (let count = 0; count < 3; count += 1) await open();
    expect(alive()).toEqual([true, false, false, true]);
  });

  it('lets one more in where all have shown one, and it alone is the next to go', async () => {
    await open();
    await open();
    accepted.forEach(markProven);
    await open();
    await open();
    expect(alive()).toEqual([true, true, false, true]);
  });

  it('is below it again when connections end', async () => {
    await open();
    await open();
    const gone = accepted[1] && once(accepted[1], 'close');
    clients[1]?.destroy();
    accepted[1]?.resume();
    await gone;
    await open();
    expect(alive()).toEqual([true, false, true]);
  });
});
