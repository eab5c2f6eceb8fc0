import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { roleBed } from '../../../test/support/pod-role.ts';
import type { Script, ScriptedListener } from '../../../test/support/scripted-listener.ts';
import { sha256 } from '../../base/digest.ts';
import { TASK_SCHEMA, type TaskInput } from '../../tasks/task.ts';
import { takeSnapshot } from '../snapshot.ts';
import { DEFAULT_SNAPSHOT_CAPS } from '../snapshot-caps.ts';
import { fetchRole } from './fetch-role.ts';
import { SnapshotSpool } from './snapshot-spool.ts';

const FETCHED = '/rollouts/v1/fetched';
const INPUT = 'a,b\n1,2\n';
const CHECK = 'print(1)';
const inline = (text: string) => ({ inline: Buffer.from(text).toString('base64') });

const file = (path: string, text: string) => ({
  path,
  digest: sha256(text),
  size: text.length,
  executable: false,
});

function taskOf(dialect: 'check-json' | 'reward-sh' = 'check-json'): TaskInput {
  return {
    schema: TASK_SCHEMA,
    id: 'sort',
    instruction: { turns: [{ text: 'Sort it.' }] },
    workspace: { path: '/work', inputs: [{ ...file('in.csv', INPUT), mode: 'protected' }] },
    verifier: { dialect, entry: 'check.py', files: [file('check.py', CHECK)], agentCode: 'none' },
  };
}

interface Given {
  readonly kind?: string;
  readonly task?: unknown;
  readonly snapshot?: string;
  readonly changes?: readonly object[];
  /** Text of the image's own file. */
  readonly rootDigest?: string;
}

const answering =
  (given: () => Given, rest: Script = () => undefined): Script =>
  (seen) =>
    seen.path.includes('/claims/')
      ? {
          json: {
            attempt: 'a',
            credential: 'c',
            kind: 'main',
            task: taskOf(),
            changes: [],
            caps: DEFAULT_SNAPSHOT_CAPS,
            graderSpec: { nonce: 'n' },
            ...given(),
          },
        }
      : rest(seen);

/** A stored snapshot of a workspace with these files. */
async function snapshotOf(
  listener: ScriptedListener,
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const workspace = join(folder, 'left');
  mkdirSync(workspace);
  for (const [path, text] of Object.entries(files)) writeFileSync(join(workspace, path), text);
  const spool = new SnapshotSpool(folder);
  const { digest } = await takeSnapshot(workspace, spool, DEFAULT_SNAPSHOT_CAPS);
  if (digest === undefined) throw new Error('no snapshot');
  return listener.put(await spool.get(digest).open().reduce(joined, Buffer.alloc(0)));
}

const joined = (all: Buffer, chunk: Buffer): Buffer => Buffer.concat([all, chunk]);

async function fetched(given: Given & { readonly left?: Readonly<Record<string, string>> } = {}) {
  const { left, rootDigest, ...rest } = given;
  const more: { snapshot?: string } = {};
  const bed = await roleBed(answering(() => ({ ...rest, ...more })));
  for (const text of [INPUT, CHECK]) bed.listener.put(Buffer.from(text));
  if (left !== undefined) {
    more.snapshot = await snapshotOf(bed.listener, bed.context.paths.state, left);
  }
  if (rootDigest !== undefined) writeFileSync(bed.context.rootDigestFile, rootDigest);
  const { workspace } = bed.context.paths;
  return {
    bed,
    code: await fetchRole(bed.context),
    read: (path: string) => readFileSync(join(workspace, path), 'utf8'),
    has: (path: string) => existsSync(join(workspace, path)),
    findings: () => bed.listener.posted(FETCHED),
    [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose](),
  };
}

describe('fetch', () => {
  it('lays out the snapshot, the verifier and the specification', async () => {
    await using it = await fetched({ left: { 'in.csv': INPUT, 'out.csv': 'b' } });
    expect(it.code).toBe(0);
    expect([it.read('in.csv'), it.read('out.csv')]).toEqual([INPUT, 'b']);
    const { verifier, verdict } = it.bed.context.paths;
    expect(readFileSync(join(verifier, 'check.py'), 'utf8')).toBe(CHECK);
    expect(JSON.parse(readFileSync(join(verdict, 'spec.json'), 'utf8'))).toEqual({ nonce: 'n' });
    expect(it.findings()).toEqual([{ findings: [] }]);
  });

  it.each([
    ['the identity of the tools that will grade', `${sha256('tools')}\n`, sha256('tools')],
    ['nothing for them where the image has another text', 'latest\n', undefined],
  ])('tells %s', async (_, text, graderRoot) => {
    await using it = await fetched({ rootDigest: text });
    expect(it.code).toBe(0);
    expect(it.findings()).toEqual([{ findings: [], ...(graderRoot && { graderRoot }) }]);
  });

  it.each(['main', 'doubled'])('restores protected inputs for %s, and says so', async (kind) => {
    await using it = await fetched({ kind, left: { 'in.csv': 'forged' } });
    expect(it.read('in.csv')).toBe(INPUT);
    expect(it.findings()).toMatchObject([{ findings: [{ code: 'ProtectedInputChanged' }] }]);
  });

  it('leaves everything as it was for asLeft', async () => {
    await using it = await fetched({ kind: 'asLeft', left: { 'in.csv': 'forged' } });
    expect(it.read('in.csv')).toBe('forged');
    expect(it.findings()).toEqual([{ findings: [] }]);
  });

  it('takes the inputs alone for pristine', async () => {
    await using it = await fetched({ kind: 'pristine', left: { 'in.csv': 'forged', x: '' } });
    expect([it.read('in.csv'), it.has('x')]).toEqual([INPUT, false]);
  });

  it('makes the changes of a gate run over the inputs', async () => {
    const changes = [{ op: 'write', path: 'out.csv', content: inline('ok'), executable: false }];
    await using it = await fetched({ kind: 'gate', changes });
    expect([it.read('in.csv'), it.read('out.csv')]).toEqual([INPUT, 'ok']);
  });

  it('makes the place where a reward.sh verifier is mounted', async () => {
    await using it = await fetched({ task: taskOf('reward-sh') });
    expect(it.has('reward')).toBe(true);
  });

  it('that is run again in its pod starts from nothing', async () => {
    await using bed = await roleBed(answering(() => ({})));
    for (const text of [INPUT, CHECK]) bed.listener.put(Buffer.from(text));
    writeFileSync(join(bed.context.paths.workspace, 'old'), '');
    writeFileSync(join(bed.context.paths.verdict, 'verdict.json'), '{"forged":1}');
    expect(await fetchRole(bed.context)).toBe(0);
    expect(readdirSync(bed.context.paths.workspace)).toEqual(['in.csv']);
    expect(readdirSync(bed.context.paths.verdict)).toEqual(['spec.json']);
  });

  it('asks again for a snapshot that breaks off, and never unpacks half of it', async () => {
    let broken = 0;
    const given: { snapshot?: string } = {};
    await using bed = await roleBed(
      answering(
        () => given,
        ({ path }) => {
          if (given.snapshot === undefined || !path.endsWith(given.snapshot)) return undefined;
          broken += 1;
          const bytes = bed.listener.artifacts.get(given.snapshot);
          if (bytes === undefined || broken > 2) return undefined;
          return broken === 1 ? { bytes, breakAfter: 700 } : { bytes: bytes.subarray(512) };
        },
      ),
    );
    for (const text of [INPUT, CHECK]) bed.listener.put(Buffer.from(text));
    const files = { 'in.csv': INPUT, 'out.csv': 'b'.repeat(5000) };
    given.snapshot = await snapshotOf(bed.listener, bed.context.paths.state, files);
    expect(await fetchRole(bed.context)).toBe(0);
    expect(broken).toBe(3);
    expect(readdirSync(bed.context.paths.workspace).toSorted()).toEqual(['in.csv', 'out.csv']);
  });

  it.each([
    ['decided', 42],
    ['wait', 43],
  ])('ends where it is told: %s', async (decision, code) => {
    const none = { decision, reason: 'said' };
    await using bed = await roleBed(() => ({ status: 409, json: none }));
    expect(await fetchRole(bed.context)).toBe(code);
  });

  it('fails by name where its work takes too long before a server that is there', async () => {
    const never = new Promise<undefined>(() => undefined);
    await using bed = await roleBed(
      answering(
        () => ({ kind: 'pristine' }),
        () => never,
      ),
    );
    await expect(fetchRole(bed.context)).rejects.toMatchObject({ code: 'Timeout' });
  });

  it('ends with 43 where the server stays away: its outage costs no retry', async () => {
    await using bed = await roleBed(() => ({ status: 503 }));
    expect(await fetchRole(bed.context)).toBe(43);
  });

  it.each([
    ['no task', 'x'],
    ['a task without a verifier', { ...taskOf(), verifier: undefined }],
  ])('refuses a claim with %s', async (_, task) => {
    await using bed = await roleBed(answering(() => ({ task })));
    await expect(fetchRole(bed.context)).rejects.toMatchObject({ code: 'InvalidTask' });
  });
});
