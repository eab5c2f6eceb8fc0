import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RoleBed, roleBed } from '../../../test/support/pod-role.ts';
import type { Script } from '../../../test/support/scripted-listener.ts';
import { MAX_VERDICT_BYTES } from '../../verifiers/verdict.ts';
import { reportRole } from './report-role.ts';

const VERDICT = '/rollouts/v1/verdict';
const script: Script = ({ path }) =>
  path.includes('/claims/')
    ? { json: { attempt: 'a', credential: 'c', kind: 'main', verdictNonce: 'n' } }
    : undefined;

const claimed = (bed: RoleBed) => expect.poll(() => bed.listener.seen.length).toBe(1);

describe('report', () => {
  it.each<[string, (folder: string) => void, object]>([
    ['the verdict', (path) => writeFileSync(path, '{"nonce":"n"}'), { text: '{"nonce":"n"}' }],
    [
      'that there is none',
      () => undefined,
      { problem: expect.stringContaining('without a verdict') },
    ],
    [
      'a folder',
      (path) => mkdirSync(path),
      { problem: expect.stringContaining('not a regular file') },
    ],
    [
      'a link, unread',
      (path) => symlinkSync('/etc/passwd', path),
      { problem: expect.stringContaining('not a regular file') },
    ],
    [
      'a file beyond the bound',
      (path) => writeFileSync(path, Buffer.alloc(MAX_VERDICT_BYTES + 1)),
      { problem: expect.stringContaining('bytes') },
    ],
  ])('hands on %s when grade has ended', async (_, leave, body) => {
    await using bed = await roleBed(script);
    const running = reportRole(bed.context);
    await claimed(bed);
    leave(join(bed.context.paths.verdict, 'verdict.json'));
    bed.stop();
    expect(await running).toBe(0);
    expect(bed.listener.posted(VERDICT)).toEqual([body]);
    expect(bed.listener.seen.map(({ bearer }) => bearer)).toEqual(['token', 'c']);
  });

  it('claims and reports though the server is away until after SIGTERM', async () => {
    await using bed = await roleBed(script);
    await bed.listener.stop();
    const running = reportRole(bed.context);
    bed.stop();
    await bed.listener.start();
    expect(await running).toBe(0);
    expect(bed.listener.posted(VERDICT)).toHaveLength(1);
  });

  it('fails before its grace period is over', async () => {
    await using bed = await roleBed(script, { graceSeconds: 10 });
    const running = reportRole(bed.context);
    await claimed(bed);
    await bed.listener.stop();
    bed.stop();
    await expect(running).rejects.toMatchObject({ code: 'Timeout' });
  });
});
