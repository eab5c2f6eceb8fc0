import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import type { Sha256 } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import { silentLogger } from '../../base/logger.ts';
import type { PolicyFiles, PolicyReport } from '../../protocol/policy-api.ts';
import { fetchPolicy } from './fetch-policy.ts';
import { servePolicy } from './serve-policy.ts';

const WAIT = { decision: 'wait', reason: 'not told yet', retryAfterSeconds: 1 } as const;
const NEVER = new AbortController().signal;

/** A server with these versions of a model, asked without a network. */
class ScriptedServer {
  readonly asked: Sha256[] = [];
  readonly reports: PolicyReport[] = [];
  wanted = 0;
  waits = 0;
  /** Told of each report; may abort. */
  onReport: (count: number) => void = () => undefined;

  filesOf(version: number): PolicyFiles {
    const paths = ['chat_template.jinja', 'model/a.safetensors'];
    const files = paths.map((path) => ({ path, digest: sha256(`${path} ${version}`), bytes: 9 }));
    return { version, template: 'chat_template.jinja', files };
  }

  files = async () => {
    this.waits -= 1;
    return this.waits >= 0 ? WAIT : this.filesOf(this.wanted);
  };

  file = async (digest: Sha256, write: (bytes: AsyncIterable<Buffer>) => Promise<void>) => {
    this.asked.push(digest);
    await write(bytesOf(digest));
  };

  report = async (report: PolicyReport) => {
    this.reports.push(report);
    this.onReport(this.reports.length);
    return { version: this.wanted };
  };
}

async function* bytesOf(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

/** Sleeps take no time; `slept` has their milliseconds. */
function quickClock(slept: number[] = []): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonic: () => now,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
  };
}

const contextOf = (models: string, client: ScriptedServer, clock = quickClock()) => ({
  ...{ client, models, clock, logger: silentLogger },
});

it('waits until it is told of, and lays the version out whole, once', async () => {
  await using dir = await tempDir();
  const server = new ScriptedServer();
  server.waits = 2;
  const slept: number[] = [];
  const context = contextOf(dir.path, server, quickClock(slept));
  const fetched = await fetchPolicy(context, NEVER);
  const folder = join(dir.path, 'v-0');
  expect(fetched).toEqual({ version: 0, folder, template: join(folder, 'chat_template.jinja') });
  expect(slept).toEqual([1000, 1000]);
  const { files } = server.filesOf(0);
  for (const { path, digest } of files)
    expect(await readFile(join(folder, path), 'utf8')).toBe(digest);
  expect(await fetchPolicy(context, NEVER)).toEqual(fetched);
  expect(server.asked).toEqual(files.map(({ digest }) => digest));
});

it('half of a version that a killed process left is fetched anew, and a failed one has no name', async () => {
  await using dir = await tempDir();
  const server = new ScriptedServer();
  const { file } = server;
  server.file = () => Promise.reject(new ClawError('CorruptArtifact', 'other bytes'));
  await expect(fetchPolicy(contextOf(dir.path, server), NEVER)).rejects.toThrow('other bytes');
  await expect(stat(join(dir.path, 'v-0'))).rejects.toThrow('ENOENT');
  await writeFile(join(dir.path, 'v-0.tmp', 'left'), 'x');
  server.file = file;
  const { folder } = await fetchPolicy(contextOf(dir.path, server), NEVER);
  await expect(stat(join(folder, 'left'))).rejects.toThrow('ENOENT');
});

it('a path that leads out of the folder is refused', async () => {
  await using dir = await tempDir();
  const server = new ScriptedServer();
  const { files, ...rest } = server.filesOf(0);
  server.files = async () => ({
    ...rest,
    files: files.map((each) => ({ ...each, path: '../../etc/x' })),
  });
  await expect(fetchPolicy(contextOf(dir.path, server), NEVER)).rejects.toThrow(/etc\/x/);
});

it('a server that tells of nothing is given up after a while', async () => {
  await using dir = await tempDir();
  const server = new ScriptedServer();
  server.waits = 1000;
  await expect(fetchPolicy(contextOf(dir.path, server), NEVER)).rejects.toMatchObject({
    code: 'Timeout',
  });
});

/** A policy server of the pod: `answers` by the number of the question. */
function localServer(answers: (count: number) => number | 'unsaid' | undefined) {
  let count = 0;
  const loaded: (readonly [string, number])[] = [];
  let fails = 0;
  return {
    loaded,
    fail: (times: number): void => {
      fails = times;
    },
    version: async () => {
      count += 1;
      return loaded.length > 0 ? (loaded.at(-1)?.[1] ?? 0) : answers(count);
    },
    load: async (folder: string, version: number) => {
      fails -= 1;
      if (fails >= 0) throw new ClawError('UpstreamFailed', 'no room on the GPU');
      loaded.push([folder, version]);
    },
  };
}

it('reports what answers every two seconds, and brings the version that is wanted', async () => {
  await using dir = await tempDir();
  const client = new ScriptedServer();
  const server = localServer((count) => (count < 3 ? undefined : 0));
  const stop = new AbortController();
  const slept: number[] = [];
  client.onReport = (count) => {
    if (count === 4) client.wanted = 5;
    if (count === 6) stop.abort(new ClawError('Cancelled', 'SIGTERM'));
  };
  const context = contextOf(dir.path, client, quickClock(slept));
  const serving = servePolicy({ ...context, server, key: 'key', firstVersion: 0 }, stop.signal);
  await expect(serving).rejects.toThrow('SIGTERM');
  expect(client.reports.map(({ version }) => version)).toEqual([null, null, 0, 0, 5, 5]);
  expect(server.loaded).toEqual([[join(dir.path, 'v-5'), 5]]);
  expect(new Set(slept)).toEqual(new Set([2000]));
});

it('tells why a version was not taken, tries again, and forgets it then', async () => {
  await using dir = await tempDir();
  const client = new ScriptedServer();
  client.wanted = 1;
  const server = localServer(() => 'unsaid');
  server.fail(1);
  const stop = new AbortController();
  client.onReport = (count) => {
    if (count === 3) stop.abort(new ClawError('Cancelled', 'SIGTERM'));
  };
  const context = contextOf(dir.path, client);
  const serving = servePolicy({ ...context, server, key: 'key', firstVersion: 0 }, stop.signal);
  await expect(serving).rejects.toThrow('SIGTERM');
  expect(client.reports).toEqual([
    { key: 'key', version: 0 },
    { key: 'key', version: 0, problem: 'no room on the GPU' },
    { key: 'key', version: 1 },
  ]);
});
