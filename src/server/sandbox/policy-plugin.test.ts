import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SandboxBed } from '../../../test/support/sandbox-bed.ts';
import type { PodFields } from '../../../test/support/sandbox-pods.ts';
import type { Sha256 } from '../../base/brand.ts';
import { sha256 } from '../../base/digest.ts';
import { AUDIENCES } from '../../protocol/pod-contract.ts';
import { POLICY_ROUTES, type PolicyPodBody } from '../../protocol/policy-api.ts';

const { files: FILES, report: REPORT } = POLICY_ROUTES;
const KEY = 'k'.repeat(43);
const NAME = 'mine';

let bed: SandboxBed;
let weights: Sha256;
let model: Sha256;
beforeEach(async () => {
  bed = await SandboxBed.start();
  bed.pods.put(policyPod());
  weights = (await bed.artifacts.put(Buffer.from('weights'))).digest;
  model = await storeModel([7, 9]);
});
afterEach(async () => {
  server?.close();
  server = undefined;
  await bed[Symbol.asyncDispose]();
});

async function storeModel(ids: readonly number[]): Promise<Sha256> {
  const manifest = {
    ...{ format: 'model/v1', kind: 'full' },
    files: [{ path: 'model.safetensors', digest: weights, bytes: 7 }],
    template: { path: 'chat_template.jinja', sha256: sha256('t') },
    tokenizer: { sha256: sha256('k') },
    record: { versions: {}, parents: [], canary: { prompt: 'say', ids } },
  };
  return (await bed.artifacts.put(Buffer.from(JSON.stringify(manifest)))).digest;
}

const policyPod = (fields: PodFields = {}): PodFields => ({
  ...{ name: 'policy', uid: 'pod-policy', ownerKind: 'RolloutBatch', podIP: '10.0.0.9' },
  ...{ jobName: 'a-batch', jobUid: 'batch-uid' },
  ...fields,
});
const token = (fields = {}) =>
  bed.mint.sign({
    audience: [AUDIENCES.policy],
    pod: { name: 'policy', uid: 'pod-policy' },
    ...fields,
  });
const body = (): PolicyPodBody => ({
  ...{ namespace: 'team-a', owner: 'batch-uid', name: NAME, model, version: 0 },
  batches: [],
});
const expectPod = () => bed.policies.expect('pod-policy', body());
const fileOf = (digest: string): string => POLICY_ROUTES.file.replace(':digest', digest);

let server: Server | undefined;
/** A policy server that answers every canary with these ids, for those that have the key. */
async function startPolicyServer(ids: readonly number[], name = NAME): Promise<void> {
  server = createServer((request, response) => {
    const right = request.headers.authorization === `Bearer ${KEY}`;
    const answer =
      request.url === '/v1/models'
        ? { data: [{ id: name }] }
        : { choices: [{ token_ids: ids, message: { content: 'x' } }] };
    void text(request).then(() => {
      response.writeHead(right ? 200 : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address !== null && typeof address === 'object')
    bed.policyOrigin = `http://127.0.0.1:${address.port}`;
}

const phase = async () => await expectPod();

it('a pod waits until it was told of, reads its model, and serves once its canary is right', async () => {
  const none = { status: 409, json: { decision: 'wait' } };
  expect(await bed.ask('GET', FILES, await token())).toMatchObject(none);
  const report = { key: KEY, version: 0 };
  expect(await bed.ask('POST', REPORT, await token(), report)).toMatchObject(none);
  await expectPod();
  expect(await bed.ask('GET', FILES, await token())).toMatchObject({
    status: 200,
    json: { version: 0, template: 'chat_template.jinja', files: [{ path: 'model.safetensors' }] },
  });
  const read = await bed.ask('GET', fileOf(weights), await token());
  expect([read.status, read.text]).toEqual([200, 'weights']);
  await startPolicyServer([7, 9]);
  expect(await bed.ask('POST', REPORT, await token(), report)).toMatchObject({
    status: 200,
    json: { version: 0 },
  });
  await expect.poll(phase).toEqual({ phase: 'served', message: '', version: 0 });
});

it.each<[string, readonly number[], string, RegExp]>([
  ['other tokens', [7, 8], NAME, /canary was answered with the ids 7 8, expected 7 9/],
  ['another name', [7, 9], 'other', /serves other, and mine was asked for/],
])('a server that answers with %s is refused', async (_case, ids, name, message) => {
  await startPolicyServer(ids, name);
  await expectPod();
  await bed.ask('POST', REPORT, await token(), { key: KEY, version: 0 });
  await expect
    .poll(phase)
    .toMatchObject({ phase: 'refused', message: expect.stringMatching(message) as unknown });
});

it.each<[string, PodFields, object, string]>([
  ['a token of a rollout pod', {}, { audience: [AUDIENCES.rollout] }, 'WrongAudience'],
  ['a token of an import pod', {}, { audience: [AUDIENCES.import] }, 'WrongAudience'],
  ['another service account', {}, { serviceAccount: 'default' }, 'WrongServiceAccount'],
  ['a pod that another batch owns', { jobUid: 'other' }, {}, 'ForeignOwner'],
  ['a pod that has ended', { phase: 'Failed' }, {}, 'PodEnded'],
  ['a name that another pod has now', { uid: 'newer' }, {}, 'PodReplaced'],
])('%s reads nothing and serves nothing', async (_case, pod, fields, reason) => {
  await expectPod();
  bed.pods.put(policyPod(pod));
  const answers = [
    await bed.ask('GET', FILES, await token(fields)),
    await bed.ask('GET', fileOf(weights), await token(fields)),
    await bed.ask('POST', REPORT, await token(fields), { key: KEY, version: 0 }),
  ];
  for (const answer of answers) expect(answer).toMatchObject({ json: { reason } });
});

it('a pod reads no file of another model, and no artifact that is none', async () => {
  await expectPod();
  const other = (await bed.artifacts.put(Buffer.from('secret'))).digest;
  for (const digest of [other, model, sha256('unknown')])
    expect(await bed.ask('GET', fileOf(digest), await token())).toMatchObject({
      ...{ status: 403, json: { reason: 'NotNamed' } },
    });
});

it.each<[string, object, RegExp]>([
  ['no key', { version: 0 }, /^key: /],
  ['a short key', { key: 'abc', version: 0 }, /^key: expected 32 to 256 letters/],
  ['a version that is none', { key: KEY, version: -1 }, /^version: /],
])('a report with %s is refused with its field', async (_case, report, message) => {
  await expectPod();
  const { status, json } = await bed.ask('POST', REPORT, await token(), report);
  expect([status, json['message']]).toEqual([400, expect.stringMatching(message)]);
});
