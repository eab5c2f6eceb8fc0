import { expect, it } from 'vitest';
import { SandboxBed } from '../../../test/support/sandbox-bed.ts';
import { zNoClaim } from '../../protocol/sandbox-api.ts';

it('a full store lets no attempt begin, and takes the end of one that runs', async () => {
  await using bed = await SandboxBed.start();
  await bed.claim('stage');
  bed.storeFull = true;
  const refused = await bed.claim('stage');
  expect(refused.status).toBe(409);
  expect(zNoClaim.parse(refused.json)).toMatchObject({
    decision: 'wait',
    reason: expect.stringContaining('StoreFull') as unknown,
  });
  const companion = await bed.credential('companion');
  expect(
    await bed.ask('PUT', '/rollouts/v1/artifacts', companion, Buffer.from('tar')),
  ).toMatchObject({ status: 200 });
  const end = await bed.ask('POST', '/rollouts/v1/end', companion, { findings: [] });
  expect(end.status).toBe(200);
  expect((await bed.claim('stage')).json).toMatchObject({ reason: refused.json['reason'] });
  bed.storeFull = false;
  expect((await bed.claim('stage')).json['reason']).not.toContain('StoreFull');
});
