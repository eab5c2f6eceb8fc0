import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fastify from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { policyFiles, RUN, rlBed } from '../../../test/support/rl/rl-bed.ts';
import { sha256 } from '../../base/digest.ts';
import { batchServer } from './batch-server.ts';
import { forwardedBatches, type ServedBatches } from './forwarded-batches.ts';

const NEVER = new AbortController().signal;

/** A pod of a run: the trainer's own server, what it forwards to, and what the pod has put. */
async function pod(over: Partial<ServedBatches> = {}) {
  const bed = await rlBed();
  const desk = bed.open();
  await bed.play(desk, await desk.plan(RUN, bed.body(), NEVER));
  await desk.state(RUN);
  const done: string[] = [];
  const server: ServedBatches = { ...(await desk.source(RUN)), ...over };
  const source = forwardedBatches({
    ...{ out: bed.dir, inTurn: (work) => work() },
    server: {
      ...server,
      keepPolicy: async (number, word) => {
        done.push(`policy ${number}`);
        await server.keepPolicy(number, word);
      },
      trained: async (number, word) => {
        done.push(`trained ${number}`);
        await server.trained(number, word);
      },
    },
    put: async (file, size) => {
      const bytes = await readFile(file);
      expect(bytes).toHaveLength(size);
      done.push(`put ${sha256(bytes).slice(0, 6)}`);
      await bed.upload(bytes);
    },
    keepCheckpoint: async () => void done.push('checkpoint'),
  });
  const app = fastify();
  onTestFinished(() => app.close());
  await app.register(batchServer, { run: 'rl', source, token: undefined });
  const write = async (version: number): Promise<ReturnType<typeof policyFiles>> => {
    const made = policyFiles(version);
    const folder = join(bed.dir, 'policy', `v-${version}`);
    await mkdir(folder, { recursive: true });
    for (const [path, bytes] of made.files) await writeFile(join(folder, path), bytes);
    return made;
  };
  return { bed, desk, app, write, done };
}

const BATCHES = '/v1/runs/rl/batches';

it('hands a trainer its batches without a token, byte for byte', async () => {
  const { app, desk } = await pod();
  const next = await app.inject(`${BATCHES}/next?after=0`);
  expect(next.json()).toMatchObject({ number: 1, format: 'rl-tokens/v1' });
  const tokens = await app.inject(`${BATCHES}/1/tokens`);
  const { stream } = await (await desk.source(RUN)).tokens(1);
  expect(tokens.rawPayload.equals(await buffer(stream))).toBe(true);
});

it('has the policy and the checkpoint kept before the server hears that a batch is trained', async () => {
  const { app, desk, write, done } = await pod();
  const { word, files } = await write(1);
  const said = await app.inject({ method: 'POST', url: `${BATCHES}/1/trained`, payload: word });
  expect([said.statusCode, said.body]).toEqual([200, '{}']);
  expect(done).toHaveLength(files.length + 3);
  expect(done.slice(-4)).toEqual([
    `put ${word.manifestSha256.slice(0, 6)}`,
    'policy 1',
    'checkpoint',
    'trained 1',
  ]);
  expect(await desk.state(RUN)).toMatchObject({ step: 1, policyVersion: 1 });
  // The answer was lost: nothing is put again.
  await app.inject({ method: 'POST', url: `${BATCHES}/1/trained`, payload: word });
  expect(done.slice(files.length + 3)).toEqual(['checkpoint', 'trained 1']);
});

it('says again what another pod was lost with, when its policy was put already', async () => {
  const { app, bed, desk, write } = await pod();
  const { word } = await write(1);
  await bed.putPolicy(1);
  await rm(join(bed.dir, 'policy'), { recursive: true });
  const said = await app.inject({ method: 'POST', url: `${BATCHES}/1/trained`, payload: word });
  expect(said.statusCode).toBe(200);
  expect((await desk.state(RUN)).step).toBe(1);
});

it.each<[string, number, (made: ReturnType<typeof policyFiles>, dir: string) => Promise<object>]>([
  [
    'a policy that is not there',
    409,
    async ({ word }, dir) => {
      await rm(join(dir, 'policy'), { recursive: true });
      return word;
    },
  ],
  [
    'a word about other files than those that lie there',
    400,
    async ({ word }) => ({ ...word, manifestSha256: 'd'.repeat(64) }),
  ],
  [
    'a READY that is none',
    400,
    async ({ word }, dir) => {
      await writeFile(join(dir, 'policy', 'v-1', 'READY'), '{}');
      return {
        ...word,
        manifestSha256: '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
      };
    },
  ],
])('refuses %s', async (_what, status, change) => {
  const { app, bed, desk, write } = await pod();
  const payload = await change(await write(1), bed.dir);
  const said = await app.inject({ method: 'POST', url: `${BATCHES}/1/trained`, payload });
  expect(said.statusCode).toBe(status);
  expect((await desk.state(RUN)).step).toBe(0);
});

it('lets a trainer ask again while the server is away', async () => {
  const away = { next: () => Promise.reject(new Error('connect ECONNREFUSED')) };
  const { app } = await pod(away);
  expect((await app.inject(`${BATCHES}/next`)).statusCode).toBe(500);
});
