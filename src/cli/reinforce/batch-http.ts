import { randomBytes } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastify from 'fastify';
import { systemClock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { batchServer } from '../../training/rl/batch-server.ts';
import { boardSource } from '../../training/rl/batch-source.ts';
import type { StepBoard } from '../../training/rl/step-board.ts';

/** The batches of a run on a loopback port; its trainer finds the bearer in a file. */
export interface BatchHttp extends AsyncDisposable {
  readonly url: string;
  readonly tokenFile: string;
}

export async function startBatchHttp(
  run: string,
  board: StepBoard,
  artifacts: ArtifactStore,
  folder: string,
): Promise<BatchHttp> {
  const token = randomBytes(32).toString('base64url');
  const tokenFile = join(folder, 'batches-token');
  await writeFile(tokenFile, token, { mode: 0o600 });
  await chmod(tokenFile, 0o600);
  const app = fastify({ forceCloseConnections: true, keepAliveTimeout: 60_000 });
  const acknowledge = board.acknowledge.bind(board);
  const source = boardSource({ board, artifacts, acknowledge, clock: systemClock });
  await app.register(batchServer, { run, source, token });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  if (address === null || typeof address === 'string') {
    throw new ClawError('Internal', 'the batch server listens on no port');
  }
  const url = `http://127.0.0.1:${address.port}`;
  return { url, tokenFile, [Symbol.asyncDispose]: () => app.close() };
}
