import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from 'undici';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { aPlanBody, aVerdict } from '../../../test/support/cluster-batches.ts';
import { idleWrapper, ServerBed } from '../../../test/support/server-bed.ts';
import { asBatchId } from '../../base/brand.ts';
import { QueryClient } from '../query/query-client.ts';

const UID = 'e0a1b2c3-0000-4000-8000-000000000001';
const call = { signal: new AbortController().signal };

let bed: ServerBed;
beforeEach(async () => {
  bed = await ServerBed.start();
});
afterEach(() => bed[Symbol.asyncDispose]());

const programs: Parameters<ServerBed['drive']>[1] = {
  agent: idleWrapper,
  grade: async ({ nonce }, { verdict }) => {
    const text = aVerdict(nonce, { there: 0.5 }).report?.text ?? '';
    await writeFile(join(verdict, 'verdict.json'), text);
    return 0;
  },
};

it('takes a batch from its plan to results that people can read', async () => {
  const operator = await bed.operator();
  await operator.planBatch(UID, aPlanBody(), call);
  expect(await bed.drive(UID, programs)).toMatchObject({
    decided: 2,
    outcomes: { scored: 2 },
    attempts: 2,
    waiting: [],
    jobs: [],
  });
  const results = await operator.finish(UID, call);
  const arms = [{ name: 'nop', batchUid: UID }];
  const bench = { namespace: 'team-a', name: 'bench', spec: {}, arms, createdAt: 1000 };
  expect(await operator.benchResults('bench-uid', bench, call)).toMatchObject({
    results: expect.stringMatching(/^[0-9a-f]{64}$/),
    arms: [{ name: 'nop', planned: 2, decided: 2, score: '0.5000', coverage: '1.0000' }],
  });

  const { 'ca.crt': ca = '', ...others } = bed.caSecret.fields ?? {};
  expect([others, ca]).toEqual([{}, bed.userTokenSecret.fields?.['ca.crt']]);
  const dispatcher = new Agent({ connect: { ca } });
  await using people = new QueryClient({
    url: `https://localhost:${bed.ports.user}`,
    dispatcher,
    token: bed.userTokenSecret.fields?.['token'] ?? '',
    ...call,
  });
  const rollouts = await people.listRollouts(asBatchId(UID));
  expect(rollouts.map(({ decision }) => decision?.score.final)).toEqual([0.5, 0.5]);
  expect((await people.read(results)).byteLength).toBeGreaterThan(100);
  await dispatcher.destroy();
});

it('goes on where it was after a restart', async () => {
  const operator = await bed.operator();
  const planned = await operator.planBatch(UID, aPlanBody(), call);
  await bed.close();
  await bed.open();
  expect(await operator.batch(UID, call)).toEqual(planned);
  expect(await bed.drive(UID, programs)).toMatchObject({ outcomes: { scored: 2 } });
});

it('starts nothing whose model names a Secret that is not there', async () => {
  const operator = await bed.operator();
  const model = { name: 'm', upstreamSecretRef: { name: 'gpt' } };
  const agent = { name: 'command', command: ['true'] };
  const planned = await operator.planBatch(UID, aPlanBody({ agent, spec: { model } }), call);
  expect(planned).toMatchObject({ waiting: [], modelHold: { reason: 'AskingModel' } });
  await expect
    .poll(async () => (await operator.batch(UID, call))?.modelHold)
    .toMatchObject({
      reason: 'UpstreamUnfit',
      message: expect.stringContaining('Secret team-a/gpt does not exist') as unknown,
    });
  expect(await bed.drive(UID, programs)).toMatchObject({ pending: 2, attempts: 0, decided: 0 });
});

it.each([
  ['another account', { serviceAccount: 'clawgym-sandbox' }],
  ['the same name in another namespace', { namespace: 'team-a' }],
])('refuses the operator API to %s', async (_name, account) => {
  const stranger = await bed.operator(account);
  await expect(stranger.info(call)).rejects.toMatchObject({ code: 'Forbidden' });
});

it.each([
  ['a later release', 9],
  ['an earlier one', 0],
])('does nothing for an operator of %s with another protocol', async (_name, version) => {
  const stranger = await bed.operator({}, { version: '0.9.0', protocol: [version] });
  const refused = {
    ...{ code: 'ProtocolMismatch', retryable: true },
    message: expect.stringContaining(`(release 0.9.0) speaks ${version}, the server`) as unknown,
  };
  await expect(stranger.planBatch(UID, aPlanBody(), call)).rejects.toMatchObject(refused);
  await expect(stranger.info(call)).rejects.toMatchObject(refused);
  expect(await (await bed.operator()).batch(UID, call)).toBeUndefined();
});

it('tells the operator what pods need, and others how it is', async () => {
  const info = await (await bed.operator()).info(call);
  expect(info).toMatchObject({ protocol: [1], caBundle: bed.ca, storeFull: false });
  const ask = async (path: string) => await fetch(`http://127.0.0.1:${bed.ports.ops}${path}`);
  expect((await ask('/readyz')).status).toBe(200);
  expect(await (await ask('/metrics')).text()).toContain('clawgym_rollouts_decided_total');
  expect((await ask('/operator/v1/info')).status).toBe(404);
});
