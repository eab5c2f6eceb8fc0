import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { SandboxBed } from '../../../test/support/sandbox-bed.ts';
import { zCompanionClaim } from '../../protocol/sandbox-api.ts';

it('serves a companion whose agent holds every connection of their address', async () => {
  await using bed = await SandboxBed.start({ connectionsPerAddress: 6 });
  await bed.claim('stage');
  const { credential, linkBearer } = zCompanionClaim.parse((await bed.claim('companion')).json);
  const flood: Socket[] = [];
  const fill = async () => {
    for (let count = 0; count < 20; count += 1) {
      const socket = connect(bed.listener.port, '127.0.0.1').on('error', () => undefined);
      flood.push(socket);
      await once(socket, 'connect');
    }
  };
  const clients = [bed.newAgent(), bed.newAgent()];
  let connections = 0;
  for (const client of clients) client.on('connect', () => (connections += 1));
  const [writer, link] = clients;
  const send = async () => {
    const shared = { origin: bed.origin, headersTimeout: 5000 } as const;
    const put = await writer?.request({
      ...{ ...shared, method: 'PUT', path: '/rollouts/v1/artifacts', body: 'x' },
      headers: {
        authorization: `Bearer ${credential}`,
        'content-type': 'application/octet-stream',
      },
    });
    const models = await link?.request({
      ...{ ...shared, method: 'GET', path: '/gateway/v1/models' },
      headers: { authorization: `Bearer ${linkBearer}` },
    });
    await Promise.all([put?.body.dump(), models?.body.dump()]);
    return [put?.statusCode, models?.statusCode];
  };
  await fill();
  expect(await send()).toEqual([200, 200]);
  await fill();
  expect(await send()).toEqual([200, 200]);
  expect(connections).toBe(2);
  for (const socket of flood) socket.destroy();
  await Promise.all(clients.map((client) => client.destroy()));
});
