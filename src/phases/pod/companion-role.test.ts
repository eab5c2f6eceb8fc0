import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { type RoleBed, type RoleBedOptions, roleBed } from '../../../test/support/pod-role.ts';
import type { Script } from '../../../test/support/scripted-listener.ts';
import { type AttemptEndBody, zAttemptEndBody } from '../../protocol/sandbox-api.ts';
import { KEEP_OUTPUT_BYTES } from '../agent-spec.ts';
import { companionRole } from './companion-role.ts';

const END = '/rollouts/v1/end';
const NONCE = 'abc123';
const CAPS = { totalBytes: 4_000_000, entries: 200, nameBytes: 255, pathBytes: 1024 };
const REPORT = {
  nonce: NONCE,
  exitCode: 0,
  signal: null,
  reason: 'Exited',
  detail: '',
  seconds: 2,
};
const AGENT = { exitCode: 0, signal: null, reason: 'Exited', detail: '', seconds: 2 };

const claimOf = (more: object = {}) => ({
  attempt: 'a',
  credential: 'c',
  reportNonce: NONCE,
  gatewayLossSeconds: 120,
  caps: CAPS,
  ...more,
});

const answering =
  (more: object = {}, rest: Script = () => undefined): Script =>
  (seen) =>
    seen.path.includes('/claims/') ? { json: claimOf(more) } : rest(seen);

/** Runs a companion to its end over what `leave` puts down; the end that it told the server. */
async function endOf(
  leave: (paths: RoleBed['context']['paths']) => void,
  more: object = {},
): Promise<{ readonly end: AttemptEndBody; readonly bed: RoleBed }> {
  await using bed = await roleBed(answering(more));
  const running = companionRole(bed.context);
  await expect.poll(() => existsSync(join(bed.context.paths.state, 'ready'))).toBe(true);
  leave(bed.context.paths);
  bed.stop();
  expect(await running).toBe(0);
  const [end] = bed.listener.posted(END);
  return { end: zAttemptEndBody.parse(end), bed };
}

async function snapshotPaths(bed: RoleBed, end: AttemptEndBody): Promise<string[]> {
  const paths: string[] = [];
  const tar = Readable.from([bed.listener.artifacts.get(end.snapshot ?? '')]).pipe(extract());
  for await (const entry of tar) {
    paths.push(entry.header.name);
    entry.resume();
  }
  return paths;
}

const report = (folder: string, body: object = REPORT) =>
  writeFileSync(join(folder, `${NONCE}.json`), JSON.stringify(body));

describe('the end of an attempt', () => {
  it('holds report, outputs and snapshot', async () => {
    const { end, bed } = await endOf((paths) => {
      report(paths.report);
      writeFileSync(join(paths.report, 'stdout'), 'said');
      writeFileSync(join(paths.workspace, 'out.txt'), 'done');
    });
    expect(end).toMatchObject({ agent: AGENT, findings: [] });
    expect(await snapshotPaths(bed, end)).toEqual(['out.txt']);
    expect(bed.listener.artifacts.get(end.stdout ?? '')).toEqual(Buffer.from('said'));
    expect(end.stderr).toBeUndefined();
    expect(bed.listener.seen.slice(1).every(({ bearer }) => bearer === 'c')).toBe(true);
  });

  it.each<[string, (folder: string) => void]>([
    ['is missing', () => undefined],
    ['has another nonce', (folder) => report(folder, { ...REPORT, nonce: 'forged' })],
    ['has another shape', (folder) => report(folder, { nonce: NONCE })],
    ['is a link', (folder) => symlinkSync('/etc/passwd', join(folder, `${NONCE}.json`))],
    ['is a folder', (folder) => mkdirSync(join(folder, `${NONCE}.json`))],
    ['is a FIFO', (folder) => void spawnSync('mkfifo', [join(folder, `${NONCE}.json`)])],
    ['is huge', (folder) => writeFileSync(join(folder, `${NONCE}.json`), Buffer.alloc(100_000))],
  ])('comes without an agent where the report %s', async (_, leave) => {
    const { end } = await endOf((paths) => leave(paths.report));
    expect(end.agent).toBeUndefined();
    expect(end.snapshot).toBeDefined();
  });

  it('names a limit and cut outputs as findings', async () => {
    const { end } = await endOf((paths) => {
      const printed = { stdout: 2 * KEEP_OUTPUT_BYTES + 1, stderr: 5 };
      const killed = { exitCode: null, signal: 'SIGKILL', reason: 'MemoryLimit' };
      report(paths.report, { ...REPORT, ...killed, detail: '99 of 100 bytes', printed });
    });
    expect(end.agent).toMatchObject({ exitCode: null, reason: 'MemoryLimit' });
    expect(end.findings).toMatchObject([
      { code: 'MemoryLimit', message: '99 of 100 bytes' },
      { code: 'OutputTruncated' },
    ]);
  });

  it.each<[string, (path: string) => void]>([
    ['a FIFO', (path) => void spawnSync('mkfifo', [path])],
    ['a link', (path) => symlinkSync('/etc/passwd', path)],
    ['a folder', (path) => mkdirSync(path)],
    ['more than both ends', (path) => writeFileSync(path, Buffer.alloc(2_000_000))],
  ])('has no output where that is %s', async (_, leave) => {
    const { end } = await endOf((paths) => leave(join(paths.report, 'stdout')));
    expect(end.stdout).toBeUndefined();
  });
});

describe('a hostile workspace', () => {
  it('is taken without what is no plain file, and without what lies behind links', async () => {
    const { end, bed } = await endOf(({ workspace }) => {
      spawnSync('mkfifo', [join(workspace, 'fifo')]);
      symlinkSync('/etc', join(workspace, 'link'));
      mkdirSync(join(workspace, 'closed'));
      writeFileSync(join(workspace, 'closed/file'), 'x', { mode: 0o000 });
      chmodSync(join(workspace, 'closed'), 0o000);
    });
    expect(await snapshotPaths(bed, end)).toEqual(['closed', 'closed/file']);
    expect(end.findings.map(({ code }) => code)).toEqual(['EntrySkipped', 'EntrySkipped']);
  });

  it.each<[string, (workspace: string) => void, RegExp]>([
    [
      'a file that only pretends to be large',
      (workspace) => {
        writeFileSync(join(workspace, 'sparse'), '');
        truncateSync(join(workspace, 'sparse'), 2 ** 40);
      },
      /more than 4000000 bytes/,
    ],
    [
      'too many entries',
      (workspace) => {
        for (let at = 0; at < 300; at += 1) writeFileSync(join(workspace, `f${at}`), '');
      },
      /more than 200 entries/,
    ],
    [
      'folders without end',
      (workspace) =>
        void mkdirSync(join(workspace, 'd/'.repeat(150).repeat(4)), { recursive: true }),
      /longer than|entries/,
    ],
  ])('is refused for %s', async (_, leave, words) => {
    const { end } = await endOf(({ workspace }) => leave(workspace));
    expect(end.snapshot).toBeUndefined();
    expect(end.refused).toMatch(words);
  });

  it('of some megabytes is spooled and arrives whole', async () => {
    const { end, bed } = await endOf(({ workspace }) => {
      writeFileSync(join(workspace, 'big'), Buffer.alloc(3_500_000, 7));
    });
    expect(await snapshotPaths(bed, end)).toEqual(['big']);
  });

  it('that cannot be read is said; whose fault it is, the server decides', async () => {
    const { end } = await endOf(({ workspace, state }) => {
      writeFileSync(join(workspace, 'big'), Buffer.alloc(3_500_000, 7));
      mkdirSync(join(state, 'snapshot.tar'));
    });
    expect(end).toMatchObject({ findings: [{ code: 'SnapshotNeverArrived' }] });
    expect(end.refused).toBeUndefined();
  });
});

describe('a server that goes away', () => {
  it.each(['before the claim', 'while the snapshot is sent'])('%s loses nothing', async (when) => {
    let down = false;
    await using bed = await roleBed(
      answering({}, ({ method }) => {
        if (method !== 'PUT' || down) return undefined;
        down = true;
        void bed.listener.stop().then(() => bed.listener.start());
        return { status: 500 };
      }),
    );
    if (when === 'before the claim') await bed.listener.stop();
    const running = companionRole(bed.context);
    writeFileSync(join(bed.context.paths.workspace, 'f'), 'x');
    bed.stop();
    if (when === 'before the claim') await bed.listener.start();
    expect(await running).toBe(0);
    expect(bed.listener.posted(END)).toHaveLength(1);
  });

  it('for the whole grace period ends the companion in time', async () => {
    await using bed = await roleBed(answering(), { graceSeconds: 10 });
    const running = companionRole(bed.context);
    await expect.poll(() => bed.listener.seen.length).toBe(1);
    await bed.listener.stop();
    bed.stop();
    await expect(running).rejects.toMatchObject({ code: 'Timeout' });
  });

  it('and refuses the late writer ends it at once', async () => {
    await using bed = await roleBed(answering({}, () => ({ status: 403 })));
    bed.stop();
    await expect(companionRole(bed.context)).rejects.toMatchObject({ code: 'Fenced' });
  });
});

describe('the model link', () => {
  const CALL = '/gateway/v1/chat/completions';

  async function linked(rest: Script, options: RoleBedOptions = {}) {
    const linkPort = await freePort();
    const stack = new AsyncDisposableStack();
    const script = answering({ linkBearer: 'bearer', gatewayLossSeconds: 20 }, rest);
    const bed = stack.use(await roleBed(script, { linkPort, ...options }));
    const running = companionRole(bed.context);
    await expect.poll(() => existsSync(join(bed.context.paths.state, 'ready'))).toBe(true);
    const ask = (body: string | Buffer = '{}') =>
      request(`http://127.0.0.1:${linkPort}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: 'Bearer clawgym-dummy-key' },
        body,
      });
    return { bed, running, ask, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }

  it('is there before the agent, and carries its calls with the bearer', async () => {
    await using it = await linked(({ path }) => (path === CALL ? { json: { ok: 1 } } : undefined));
    const answer = await it.ask();
    expect([answer.statusCode, await answer.body.json()]).toEqual([200, { ok: 1 }]);
    expect(it.bed.listener.seen.at(-1)).toMatchObject({ path: CALL, bearer: 'bearer' });
    it.bed.stop();
    expect(await it.running).toBe(0);
    expect(it.bed.listener.posted(END)).toMatchObject([{ findings: [] }]);
  });

  it('holds no more of a body than its container has memory for, and is not lost by it', async () => {
    await using it = await linked(({ path }) => (path === CALL ? { json: { ok: 1 } } : undefined));
    const large = await it.ask(Buffer.alloc(24 * 1024 * 1024 + 1, 32));
    expect([large.statusCode, await large.body.text()]).toEqual([
      413,
      expect.stringContaining('larger than 25165824 bytes'),
    ]);
    expect((await it.ask()).statusCode).toBe(200);
    it.bed.stop();
    expect(await it.running).toBe(0);
    expect(it.bed.listener.posted(END)).not.toMatchObject([{ linkLost: expect.any(String) }]);
  });

  it('hides a restart of the server', async () => {
    await using it = await linked(({ path }) => (path === CALL ? { json: { ok: 1 } } : undefined));
    await it.bed.listener.stop();
    const answer = it.ask();
    await it.bed.listener.start();
    expect((await answer).statusCode).toBe(200);
    await (await answer).body.dump();
    it.bed.stop();
    expect(await it.running).toBe(0);
  });

  it('that lost its gateway for too long says so with the end', async () => {
    await using it = await linked(({ path }) => (path === CALL ? { status: 503 } : undefined));
    const answer = await it.ask();
    expect(answer.statusCode).toBe(503);
    await answer.body.dump();
    it.bed.stop();
    expect(await it.running).toBe(0);
    expect(it.bed.listener.posted(END)).toMatchObject([
      { linkLost: expect.stringMatching(/20 s/) },
    ]);
  });

  it('with a call that never ends does not hold the companion', async () => {
    await using it = await linked(({ path }) =>
      path === CALL ? new Promise(() => undefined) : undefined,
    );
    const answer = it.ask().catch(() => 'broken off');
    await expect.poll(() => it.bed.listener.seen.some(({ path }) => path === CALL)).toBe(true);
    it.bed.stop();
    expect(await it.running).toBe(0);
    expect(await answer).toBe('broken off');
  });

  it('is not served where the agent has no model', async () => {
    await using bed = await roleBed(answering());
    const running = companionRole(bed.context);
    await expect.poll(() => existsSync(join(bed.context.paths.state, 'ready'))).toBe(true);
    bed.stop();
    expect(await running).toBe(0);
    expect(readdirSync(bed.context.paths.state)).toEqual(['ready']);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
