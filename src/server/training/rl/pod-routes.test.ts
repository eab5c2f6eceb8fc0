import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fastify, { type FastifyRequest } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { policyFiles, RUN, rlBed } from '../../../../test/support/rl/rl-bed.ts';
import { ClawError } from '../../../base/error.ts';
import { silentLogger } from '../../../base/logger.ts';
import type { Outgoing } from '../../../phases/pod/listener-connection.ts';
import { forwardedBatches } from '../../../training/rl/forwarded-batches.ts';
import { batchClient } from '../../../training/rl/pod/batch-client.ts';
import { batchRoute } from '../../../training/rl/pod/batch-route.ts';
import { errorHandler } from '../../error-reply.ts';
import { rlPodRoutes } from './pod-routes.ts';

const NEVER = new AbortController().signal;

/** Plain HTTP in place of the listener's TLS. */
const plain = (port: () => number) => ({
  send: async ({ method, path, headers, body, signal }: Outgoing): Promise<IncomingMessage> => {
    const call = request({ host: '127.0.0.1', port: port(), method, path, headers, signal });
    call.end(body as Uint8Array | null);
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    return answer;
  },
});

/** A server with the run's batches, a pod's sidecar, and the address at which its trainer asks. */
async function pod() {
  const bed = await rlBed();
  let desk = bed.open();
  await bed.play(desk, await desk.plan(RUN, bed.body(), NEVER));
  await desk.state(RUN);
  const app = fastify();
  app.setErrorHandler(errorHandler(silentLogger));
  const onRequest = async ({ headers }: FastifyRequest): Promise<void> => {
    if (headers.authorization !== 'Bearer pod') throw new ClawError('Unauthorized', 'no token');
  };
  rlPodRoutes(app, { source: (uid) => desk.source(uid) }, () => RUN, { onRequest });
  await app.listen({ host: '127.0.0.1', port: 0 });
  let token = ' pod\n';
  let port = (app.server.address() as AddressInfo).port;
  const server = batchClient({
    ...{ connection: plain(() => port), readToken: async () => token, signal: NEVER },
  });
  const route = await batchRoute(
    forwardedBatches({
      ...{ server, out: bed.dir, keepCheckpoint: async () => undefined },
      inTurn: (work) => work(),
      put: async (file) => await bed.upload(await readFile(file)),
    }),
  );
  const local = createServer((asked, answer) => {
    if (!route(asked, answer)) answer.writeHead(418).end();
  });
  local.listen(0, '127.0.0.1');
  await once(local, 'listening');
  onTestFinished(async () => {
    local.close();
    await app.close();
  });
  const origin = `http://127.0.0.1:${(local.address() as AddressInfo).port}`;
  const ask = async (path: string, word?: object) =>
    await fetch(`${origin}${path}`, {
      ...(word && {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(word),
      }),
    });
  return {
    ...{ bed, ask },
    desk: () => desk,
    restart: () => {
      desk = bed.open();
    },
    lose: () => {
      port = 1;
    },
    refuse: () => {
      token = 'other';
    },
  };
}

const BATCHES = '/v1/runs/whatever/batches';

describe('a trainer in a pod', () => {
  it('gets its batches, says what it trained, and is told when it is over', async () => {
    const { bed, ask, desk, restart } = await pod();
    for (const version of [1, 2]) {
      const next = await ask(`${BATCHES}/next?after=${version - 1}`);
      expect(await next.json()).toMatchObject({ number: version, policyVersion: version - 1 });
      const tokens = await ask(`${BATCHES}/${version}/tokens`);
      const { stream } = await (await desk().source(RUN)).tokens(version);
      expect(Buffer.from(await tokens.arrayBuffer()).equals(await buffer(stream))).toBe(true);
      const { files, word } = policyFiles(version);
      const folder = join(bed.dir, 'policy', `v-${version}`);
      await mkdir(folder, { recursive: true });
      for (const [path, bytes] of files) await writeFile(join(folder, path), bytes);
      expect((await ask(`${BATCHES}/${version}/trained`, word)).status).toBe(200);
      restart();
      const state = await desk().state(RUN);
      expect(state).toMatchObject({ step: version, policyVersion: version });
      if (state.wanted !== undefined) await bed.play(desk(), state);
      await desk().state(RUN);
    }
    expect((await ask(`${BATCHES}/next?after=2`)).status).toBe(410);
    const read = async (path: string) => await readFile(join(bed.dir, 'policy', 'v-2', path));
    const policy = await bed.store.getRlPolicy(RUN, 2);
    expect(policy?.files).toHaveLength(5);
    expect((await read('model.safetensors')).toString()).toBe('weights of version 2');
  });

  it('waits where there is nothing, and asks again while the server is away', async () => {
    const { bed, ask, desk, lose } = await pod();
    await (await desk().source(RUN)).trained(1, await bed.putPolicy(1));
    expect((await ask(`${BATCHES}/next?after=1`)).status).toBe(204);
    lose();
    expect((await ask(`${BATCHES}/next?after=1`)).status).toBe(500);
  });

  it.each<[string, number, string, object | undefined]>([
    ['another place than the run is at', 409, `${BATCHES}/next?after=4`, undefined],
    ['a batch that is not there', 404, `${BATCHES}/9/tokens`, undefined],
    ['a policy that was never put', 409, `${BATCHES}/1/trained`, policyFiles(1).word],
    ['a word that is none', 400, `${BATCHES}/1/trained`, { policyVersion: 1 }],
    ['a number that is none', 400, `${BATCHES}/next?after=x`, undefined],
  ])('is told of %s', async (_what, status, path, word) => {
    const { ask } = await pod();
    const answer = await ask(path, word);
    expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining('code')]);
  });

  it('whose pod is not known any more asks again: it is no word about a batch', async () => {
    const { ask, refuse } = await pod();
    refuse();
    expect((await ask(`${BATCHES}/next?after=0`)).status).toBe(500);
  });

  it('leaves other paths to others', async () => {
    const { ask } = await pod();
    expect((await ask('/status')).status).toBe(418);
  });
});
