import fastify from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MemoryArtifacts } from '../../../test/support/memory-artifacts.ts';
import type { BatchId } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import type { BatchNotes } from '../../store/cluster-records.ts';
import { batchServer } from './batch-server.ts';
import { boardSource } from './batch-source.ts';
import { StepBoard } from './step-board.ts';
import type { FrozenStep } from './step-notes.ts';
import { noteSteps } from './step-rows.ts';

const READY = 'c'.repeat(64);
const word = (policyVersion: number, manifestSha256 = READY) => ({
  ...{ policyVersion, path: `policy/v-${policyVersion}`, manifestSha256, metrics: { loss: 0.1 } },
});

function memoryRecords(): BatchNotes {
  const notes = new Map<BatchId, Record<string, string>>();
  return {
    batchNotes: (batch) => Promise.resolve({ ...notes.get(batch) }),
    setBatchNote: async (batch, key, value) => {
      notes.set(batch, { ...notes.get(batch), [key]: value });
    },
  };
}

async function served() {
  const artifacts = new MemoryArtifacts();
  const records = memoryRecords();
  const board = await StepBoard.open(3, noteSteps('r', records));
  const app = fastify();
  onTestFinished(() => app.close());
  const acknowledge = board.acknowledge.bind(board);
  const source = boardSource({ board, artifacts, acknowledge, clock: systemClock, pollMs: 60 });
  await app.register(batchServer, { run: 'r', source, token: 'secret' });
  const ask = (method: 'GET' | 'POST', url: string, payload?: object, token = 'secret') =>
    app.inject({
      ...{ method, url, headers: { authorization: `Bearer ${token}` } },
      ...(payload && { payload }),
    });
  const freeze = async (step: number, number?: number): Promise<void> => {
    const index = await artifacts.put(Buffer.from(`{"number":${number}}`));
    const tokens = await artifacts.put(Buffer.from(`tokens ${number}`));
    const kept = { index: index.digest, tokens: { sha256: tokens.digest, bytes: tokens.size } };
    const facts: FrozenStep = {
      ...{ step, policyVersion: 0, reward: 0.5, trainedTokens: 4 },
      groups: { taken: 1, noVariance: 0, tooFew: 0 },
      rollouts: { all: 2, rewarded: 2, withoutTokens: 0, trained: 2 },
      cutAnswers: 0,
      ...(number !== undefined && { number, ...kept }),
    };
    await board.freeze(facts);
  };
  return { board, records, ask, freeze };
}

const NEXT = '/v1/runs/r/batches/next?after=0';

describe('the batches of a run over HTTP', () => {
  it('waits where there is none, and hands out one as soon as it is frozen', async () => {
    const { ask, freeze } = await served();
    expect((await ask('GET', NEXT)).statusCode).toBe(204);
    const poll = ask('GET', NEXT);
    await freeze(1, 1);
    const answer = await poll;
    expect([answer.statusCode, answer.json()]).toEqual([200, { number: 1 }]);
    const tokens = await ask('GET', '/v1/runs/r/batches/1/tokens');
    expect([tokens.body, tokens.headers['content-length']]).toEqual(['tokens 1', '8']);
  });

  it('takes the word that a batch is trained once, and the same word again', async () => {
    const { ask, freeze, board, records } = await served();
    await freeze(1, 1);
    const url = '/v1/runs/r/batches/1/trained';
    expect((await ask('POST', url, word(1))).statusCode).toBe(200);
    expect((await ask('POST', url, word(1))).statusCode).toBe(200);
    const other = await ask('POST', url, word(1, 'd'.repeat(64)));
    expect([other.statusCode, other.body]).toEqual([409, expect.stringContaining('trained once')]);
    expect((await ask('GET', '/v1/runs/r/batches/next?after=1')).statusCode).toBe(204);
    const again = await StepBoard.open(3, noteSteps('r', records));
    expect(again.seen()).toEqual(board.seen());
    expect(again.seen()).toEqual([{ number: 1, trained: true, rewarded: 2 }]);
  });

  it('asks a trainer for the word that was lost', async () => {
    const { ask, freeze } = await served();
    await freeze(1, 1);
    const next = await ask('GET', '/v1/runs/r/batches/next?after=1');
    expect([next.statusCode, next.body]).toEqual([
      409,
      expect.stringContaining('/1/trained first'),
    ]);
  });

  it('gives nothing to a trainer that goes on from another place than the run', async () => {
    const { ask, freeze } = await served();
    await freeze(1, 1);
    await ask('POST', '/v1/runs/r/batches/1/trained', word(1));
    await freeze(2, 2);
    const older = await ask('GET', NEXT);
    expect([older.statusCode, older.body]).toEqual([
      409,
      expect.stringContaining('goes on after batch 0, and batch 1 is the newest'),
    ]);
    const newer = await ask('GET', '/v1/runs/r/batches/next?after=7');
    expect(newer.statusCode).toBe(409);
  });

  it('goes past a step that taught nothing, and says when it is over', async () => {
    const { ask, freeze, board } = await served();
    await freeze(1);
    expect((await ask('GET', NEXT)).statusCode).toBe(204);
    await freeze(2, 1);
    expect((await ask('GET', NEXT)).statusCode).toBe(200);
    await ask('POST', '/v1/runs/r/batches/1/trained', word(1));
    board.close();
    expect((await ask('GET', '/v1/runs/r/batches/next?after=1')).statusCode).toBe(410);
  });

  it.each<[string, number, Parameters<Awaited<ReturnType<typeof served>>['ask']>]>([
    ['a stranger', 401, ['GET', NEXT, undefined, 'other']],
    ['another run', 404, ['GET', '/v1/runs/s/batches/next']],
    ['a batch that is not there', 404, ['GET', '/v1/runs/r/batches/7/tokens']],
    ['a word about it', 404, ['POST', '/v1/runs/r/batches/7/trained', word(7)]],
    ['a wrong version', 400, ['POST', '/v1/runs/r/batches/1/trained', word(2)]],
    ['a digest that is none', 400, ['POST', '/v1/runs/r/batches/1/trained', word(1, 'x')]],
    ['an unknown field', 400, ['POST', '/v1/runs/r/batches/1/trained', { ...word(1), more: 1 }]],
    ['no number', 400, ['GET', '/v1/runs/r/batches/next?after=x']],
  ])('refuses %s', async (_what, status, call) => {
    const { ask, freeze } = await served();
    await freeze(1, 1);
    expect((await ask(...call)).statusCode).toBe(status);
  });
});
