import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { importerPod, packedExample, setOfRows } from '../../../test/support/import-files.ts';
import { SandboxBed } from '../../../test/support/sandbox-bed.ts';
import { IMPORT_ROUTES } from '../../protocol/import-api.ts';
import { AUDIENCES } from '../../protocol/pod-contract.ts';

const { claim: CLAIM, taskSet: TASK_SET } = IMPORT_ROUTES;

let bed: SandboxBed;
beforeEach(async () => {
  bed = await SandboxBed.start({ importBytes: 400_000 });
  bed.pods.put(importerPod());
});
afterEach(async () => {
  await bed[Symbol.asyncDispose]();
});

const token = (fields = {}) =>
  bed.mint.sign({
    audience: [AUDIENCES.import],
    pod: { name: 'importer', uid: 'pod-import' },
    ...fields,
  });
const expectPod = (): void =>
  bed.imports.expect('pod-import', { namespace: 'team-a', batchUid: 'batch-uid' });
const put = async (bytes: Buffer) => await bed.ask('PUT', TASK_SET, await token(), bytes);

it('a pod waits until the operator has told of it, and then hands in one task set', async () => {
  expect(await bed.ask('POST', CLAIM, await token())).toMatchObject({
    status: 409,
    json: { decision: 'wait', reason: expect.stringContaining('importer') as unknown },
  });
  const { bytes, digest } = await packedExample('log-triage');
  expect(await put(bytes)).toMatchObject({ status: 503, json: { retryable: true } });
  expectPod();
  expect(await bed.ask('POST', CLAIM, await token())).toMatchObject({
    ...{ status: 200, json: { maxBytes: 400_000 } },
  });
  const stored = { status: 200, json: { digest, tasks: 1 } };
  expect(await put(bytes)).toMatchObject(stored);
  expect(await put(bytes)).toMatchObject(stored);
  const other = await packedExample('contact-split');
  expect(await put(other.bytes)).toMatchObject({ status: 409, json: { code: 'Fenced' } });
  expect(await readdir(join(bed.folder, 'sources'))).toEqual([]);
});

it.each<[string, object, object, string]>([
  ['a token of a rollout pod', {}, { audience: [AUDIENCES.rollout] }, 'WrongAudience'],
  ['another service account', {}, { serviceAccount: 'default' }, 'WrongServiceAccount'],
  ['a pod that another batch owns', { jobUid: 'other-batch' }, {}, 'ForeignOwner'],
  ['a pod that has ended', { phase: 'Succeeded' }, {}, 'PodEnded'],
  [
    'a pod that is being deleted',
    { deletionTimestamp: '2026-01-01T00:00:00Z' },
    {},
    'PodTerminating',
  ],
  ['a name that another pod has now', { uid: 'newer' }, {}, 'PodReplaced'],
])('%s hands in nothing', async (_case, pod, fields, reason) => {
  expectPod();
  bed.pods.put(importerPod(pod));
  for (const [method, path] of [
    ['POST', CLAIM],
    ['PUT', TASK_SET],
  ] as const) {
    const body = method === 'PUT' ? Buffer.from('x') : undefined;
    const answer = await bed.ask(method, path, await token(fields), body);
    expect(answer).toMatchObject({ json: { reason } });
    expect([401, 403]).toContain(answer.status);
  }
});

it('a token for imports claims no rollout, and a pod of another namespace is not the one', async () => {
  expectPod();
  expect(await bed.claim('stage', await token())).toMatchObject({
    json: { reason: 'WrongAudience' },
  });
  bed.pods.put(importerPod({ namespace: 'team-b' }));
  expect(await bed.ask('POST', CLAIM, await token({ namespace: 'team-b' }))).toMatchObject({
    ...{ status: 403, json: { reason: 'ForeignNamespace' } },
  });
});

it('what is no sound task set is refused for good, and nothing is left of it', async () => {
  expectPod();
  const { bytes } = await packedExample('log-triage');
  const broken = Buffer.from(bytes);
  // In a blob, behind the tasks: it no longer has the digest that is its name.
  broken.writeUInt8(broken.readUInt8(bytes.length - 1536) ^ 1, bytes.length - 1536);
  const cases: [Buffer, number][] = [
    [Buffer.from('not a tar file'), 400],
    [Buffer.alloc(0), 400],
    [bytes.subarray(0, bytes.length - 600), 400],
    [broken, 400],
    [Buffer.alloc(400_001), 413],
  ];
  for (const [body, status] of cases) {
    const answer = await put(body);
    expect([answer.status, answer.text]).toEqual([status, expect.any(String)]);
    expect(answer.text).not.toContain(bed.folder);
  }
  expect(await readdir(join(bed.folder, 'sources'))).toEqual([]);
});

it('a pod hears which limit its task set exceeds, and what to do', async () => {
  expectPod();
  const { status, json } = await put(setOfRows(Buffer.from('{}\n'.repeat(10_001))));
  expect([status, json['code']]).toEqual([413, 'TooLarge']);
  expect(json['message']).toMatch(/10001 tasks, at most 10000 are read; split the tasks/);
});

it('a full store lets no import begin', async () => {
  expectPod();
  bed.storeFull = true;
  expect(await bed.ask('POST', CLAIM, await token())).toMatchObject({
    status: 409,
    json: { decision: 'wait', reason: expect.stringContaining('StoreFull') as unknown },
  });
});

it('a store that is full since the claim takes no task set, and takes it once there is room', async () => {
  expectPod();
  const { bytes, digest } = await packedExample('log-triage');
  bed.storeFull = true;
  expect(await put(bytes)).toMatchObject({
    status: 503,
    json: { retryable: true, message: expect.stringContaining('StoreFull') as unknown },
  });
  bed.storeFull = false;
  expect(await put(bytes)).toMatchObject({ status: 200, json: { digest } });
});
