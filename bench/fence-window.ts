import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';
import { z } from 'zod';
import { systemClock } from '../operator/kube/base/clock.ts';
import { silentLogger } from '../operator/kube/base/logger.ts';
import { createTransport } from '../operator/kube/client/undici-transport.ts';
import { answer, HeldCredentials, ScriptedApiServer } from '../test/support/scripted-api-server.ts';

/**
 * How long a write can still be stopped by SIGSTOP and go out after SIGCONT, although the fence let
 * it pass: from the check before the send until the connection has taken bytes of the request, over
 * HTTP/2 and TLS. Beside it what the second check of the fence saves: from the call until that check.
 */
const [WARM_UP, ROUNDS] = [500, 3000];
const zConnected = z.object({ socket: z.instanceof(Socket) });

const sockets: Socket[] = [];
const onConnected = (message: unknown): void => {
  sockets.push(zConnected.parse(message).socket);
};
subscribe('undici:client:connected', onConnected);
await using server = await ScriptedApiServer.start((_request, stream) => answer(stream, 201, {}));
await using transport = createTransport({
  credentials: new HeldCredentials(server.connect),
  clock: systemClock,
  logger: silentLogger,
  userAgent: 'bench',
});
const body = { kind: 'ConfigMap', data: { text: 'x'.repeat(500) } };
const written = (): number => sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0);
const untilCheck: number[] = [];
const untilSent: number[] = [];
for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
  const sent = await write();
  if (round < WARM_UP) continue;
  untilCheck.push(sent.untilCheck);
  untilSent.push(sent.untilSent);
}
unsubscribe('undici:client:connected', onConnected);
process.stdout.write(
  `after the check ${quantile(untilSent, 0.5)} us (median), ${quantile(untilSent, 0.99)} us (p99); ` +
    `from call to check ${quantile(untilCheck, 0.5)} us, ${quantile(untilCheck, 0.99)} us\n`,
);

async function write(): Promise<{ readonly untilCheck: number; readonly untilSent: number }> {
  const calledAt = performance.now();
  let [checkedAt, sentAt, before] = [0, 0, 0];
  const look = (): void => {
    if (written() > before) sentAt = performance.now();
    else setImmediate(look);
  };
  await transport.request({
    method: 'POST',
    path: '/api/v1/namespaces/x/configmaps',
    body,
    verb: 'create',
    resource: 'configmaps',
    signal: new AbortController().signal,
    beforeSend: () => {
      before = written();
      checkedAt = performance.now();
      queueMicrotask(() => setImmediate(look));
    },
  });
  return { untilCheck: checkedAt - calledAt, untilSent: sentAt - checkedAt };
}

function quantile(values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[Math.floor(sorted.length * share)] ?? 0) * 1000).toFixed(0);
}
