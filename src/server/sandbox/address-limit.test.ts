import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { limitConnections } from './address-limit.ts';

it('lets one address hold so many connections and no more, and again when they end', async () => {
  const server = createServer();
  limitConnections(server, 2);
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => undefined);
    if (!socket.destroyed) socket.write('in');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const open = async () => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    const answers = [
      once(socket, 'data').then(() => 'in'),
      once(socket, 'close').then(() => 'out'),
    ];
    return { socket, answer: await Promise.race(answers) };
  };
  const kept = [await open(), await open()];
  expect(kept.map(({ answer }) => answer)).toEqual(['in', 'in']);
  expect((await open()).answer).toBe('out');
  kept[0]?.socket.destroy();
  // The server hears of the end a moment later.
  const next = async () => {
    const { socket, answer } = await open();
    socket.destroy();
    return answer;
  };
  await expect.poll(next).toBe('in');
  kept[1]?.socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});
