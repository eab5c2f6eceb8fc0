import { afterEach, beforeEach, expect, it } from 'vitest';
import { aJob } from '../../../test/support/cluster-rows.ts';
import { SandboxBed } from '../../../test/support/sandbox-bed.ts';
import { sha256 } from '../../base/digest.ts';
import { POD_UPLOADS } from '../../store/cluster-records.ts';
import { openFileArtifacts } from '../../store/file-artifacts.ts';

const END = '/rollouts/v1/end';
const PUT = '/rollouts/v1/artifacts';

let bed: SandboxBed;
beforeEach(async () => {
  bed = await SandboxBed.start();
});
afterEach(() => bed[Symbol.asyncDispose]());

const end = (named: object = {}) => ({
  agent: { exitCode: 0, signal: null, reason: 'Exited', seconds: 1, detail: '' },
  findings: [],
  ...named,
});

it.each(['snapshot', 'stdout', 'stderr'])(
  'an end may not name as its %s what another pod put, whoever has it stored',
  async (field) => {
    await bed.claim('stage');
    const companion = await bed.credential('companion');
    const { digest } = await (await openFileArtifacts(`${bed.folder}/artifacts`)).put(
      Buffer.from('of another namespace'),
    );
    const other = { batch: aJob().batch, podUid: 'another-pod' };
    await bed.store.addUpload(other, digest);
    const body = end({ [field]: digest });
    expect(await bed.ask('POST', END, companion, body)).toMatchObject({
      status: 400,
      json: { code: 'InvalidInput', message: expect.stringContaining('never put') as unknown },
    });
    expect(bed.desk.ends).toEqual([]);
    await bed.ask('PUT', PUT, companion, Buffer.from('of another namespace'));
    expect((await bed.ask('POST', END, companion, body)).status).toBe(200);
  },
);

it('an end names what was put before the server was restarted and the companion claimed again', async () => {
  await bed.claim('stage');
  const first = await bed.credential('companion');
  const { json } = await bed.ask('PUT', PUT, first, Buffer.from('tar'));
  await bed.restart();
  const again = await bed.credential('companion');
  const body = end({ snapshot: json['digest'] });
  expect((await bed.ask('POST', END, again, body)).status).toBe(200);
});

it('of the uploads of a pod the newest are known, and a repeat is the newest again', async () => {
  const pod = { batch: aJob().batch, podUid: 'pod-1' };
  const digests = Array.from({ length: POD_UPLOADS + 1 }, (_, index) => sha256(`${index}`));
  const [first, second, ...rest] = digests;
  if (first === undefined || second === undefined) return expect.unreachable();
  for (const digest of [first, second, ...rest.slice(0, -1), first, ...rest.slice(-1)])
    await bed.store.addUpload(pod, digest);
  expect(await bed.store.uploadsOf('pod-1')).toEqual(new Set([first, ...rest]));
  expect(await bed.store.uploadsOf('pod-2')).toEqual(new Set());
});
