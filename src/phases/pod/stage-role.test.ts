import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { roleBed } from '../../../test/support/pod-role.ts';
import type { Script } from '../../../test/support/scripted-listener.ts';
import { stageRole } from './stage-role.ts';

const CLAIM = '/rollouts/v1/claims/stage';
const inline = (text: string) => ({ inline: Buffer.from(text).toString('base64') });
const LARGE = Buffer.from('large'.repeat(10_000));

const claim = (more: object = {}) => ({
  attempt: 'uid/task/0#1',
  credential: 'secret',
  inputs: [],
  changes: [],
  agentFiles: [],
  wrapperSpec: { nonce: 'n', commands: [] },
  ...more,
});

const answering =
  (...answers: object[]): Script =>
  ({ path }) => {
    if (path !== CLAIM) return undefined;
    const answer = answers.length > 1 ? answers.splice(0, 1)[0] : answers[0];
    return answer !== undefined && 'decision' in answer
      ? { status: 409, json: answer }
      : { json: answer };
  };

const mode = (path: string) => (lstatSync(path).mode & 0o777).toString(8);

describe('stage', () => {
  it('lays out inputs, changes, agent files and the specification', async () => {
    const digest = { digest: '' };
    await using bed = await roleBed(
      answering(
        claim({
          inputs: [
            { path: 'data/in.csv', content: inline('a,b\n'), executable: false },
            { path: 'run.sh', content: digest, executable: true },
          ],
          changes: [
            { op: 'write', path: 'data/in.csv', content: inline('changed'), executable: false },
            { op: 'mkdir', path: 'out/deep' },
            { op: 'symlink', path: 'link', target: '/etc/passwd' },
            { op: 'delete', path: 'out' },
          ],
          agentFiles: [{ path: 'turn-1.md', content: inline('Sort it.') }],
        }),
      ),
    );
    digest.digest = bed.listener.put(LARGE);
    expect(await stageRole(bed.context)).toBe(0);
    const { workspace, agent, report } = bed.context.paths;
    expect(readFileSync(join(workspace, 'data/in.csv'), 'utf8')).toBe('changed');
    expect(readFileSync(join(workspace, 'run.sh'))).toEqual(LARGE);
    expect(mode(join(workspace, 'run.sh'))).toBe('755');
    expect(readlinkSync(join(workspace, 'link'))).toBe('/etc/passwd');
    expect(readdirSync(workspace).toSorted()).toEqual(['data', 'link', 'run.sh']);
    expect(readFileSync(join(agent, 'turn-1.md'), 'utf8')).toBe('Sort it.');
    expect(JSON.parse(readFileSync(join(report, 'spec.json'), 'utf8'))).toEqual(
      claim().wrapperSpec,
    );
    expect(mode(join(report, 'spec.json'))).toBe('600');
    expect(bed.listener.seen.map(({ bearer }) => bearer)).toEqual(['token', 'secret']);
  });

  it('that is run again in its pod leaves nothing of the first time', async () => {
    await using bed = await roleBed(
      answering(claim({ inputs: [{ path: 'a', content: inline('new'), executable: false }] })),
    );
    const { workspace, report } = bed.context.paths;
    mkdirSync(join(workspace, 'old/er'), { recursive: true });
    mkdirSync(join(workspace, 'a'), { mode: 0o000 });
    writeFileSync(join(report, 'spec.json'), 'stale');
    expect(await stageRole(bed.context)).toBe(0);
    expect(readdirSync(workspace)).toEqual(['a']);
    expect(readFileSync(join(workspace, 'a'), 'utf8')).toBe('new');
  });

  it('ends with 42 where the rollout is decided', async () => {
    await using bed = await roleBed(answering({ decision: 'decided', reason: 'scored' }));
    expect(await stageRole(bed.context)).toBe(42);
  });

  it('asks again while it is told to wait, then goes on', async () => {
    const wait = { decision: 'wait', reason: 'open', retryAfterSeconds: 5 };
    await using bed = await roleBed(answering(wait, wait, claim()));
    expect(await stageRole(bed.context)).toBe(0);
    expect(bed.listener.seen).toHaveLength(3);
  });

  it.each([
    ['two minutes', { decision: 'wait', reason: 'open', retryAfterSeconds: 30 }],
    ['no time at all, where none is named', { decision: 'wait', reason: 'open' }],
  ])('ends with 43 after %s of waiting', async (_, wait) => {
    await using bed = await roleBed(answering(wait));
    expect(await stageRole(bed.context)).toBe(43);
    expect(bed.listener.seen.length).toBeLessThan(6);
  });

  it('ends with 143 when it is told to stop', async () => {
    await using bed = await roleBed(
      answering({ decision: 'wait', reason: 'open', retryAfterSeconds: 100 }),
    );
    const running = stageRole(bed.context);
    await expect.poll(() => bed.listener.seen.length).toBe(1);
    bed.stop();
    expect(await running).toBe(143);
  });

  it('ends with 43 where the server stays away: its outage costs no retry', async () => {
    await using bed = await roleBed(() => ({ status: 503 }));
    expect(await stageRole(bed.context)).toBe(43);
  });

  it('ends with 43 where the server goes away after the claim', async () => {
    const digest = { digest: 'a'.repeat(64) };
    const inputs = [{ path: 'run.sh', content: digest, executable: false }];
    const answer = answering(claim({ inputs }));
    await using bed = await roleBed((seen) => answer(seen) ?? { status: 503 });
    expect(await stageRole(bed.context)).toBe(43);
  });

  it('fails by name where the server answers, with a fault of its own', async () => {
    await using bed = await roleBed(() => ({ status: 500 }));
    await expect(stageRole(bed.context)).rejects.toMatchObject({ code: 'Timeout' });
  });

  it.each([
    [
      'an input outside of the workspace',
      { inputs: [{ path: '../x', content: inline(''), executable: false }] },
    ],
    [
      'an agent file outside of its folder',
      { agentFiles: [{ path: '/etc/x', content: inline('') }] },
    ],
  ])('refuses %s', async (_, more) => {
    await using bed = await roleBed(answering(claim(more)));
    await expect(stageRole(bed.context)).rejects.toMatchObject({ code: 'UnsafePath' });
  });

  it('never follows a link that an earlier change made', async () => {
    await using bed = await roleBed(
      answering(
        claim({
          changes: [
            { op: 'symlink', path: 'd', target: '/tmp' },
            { op: 'write', path: 'd/f', content: inline('x'), executable: false },
          ],
        }),
      ),
    );
    expect(await stageRole(bed.context)).toBe(0);
    expect(lstatSync(join(bed.context.paths.workspace, 'd')).isDirectory()).toBe(true);
  });
});
