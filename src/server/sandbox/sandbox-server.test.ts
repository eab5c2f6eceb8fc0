import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aJob, aShape } from '../../../test/support/cluster-rows.ts';
import { SandboxBed } from '../../../test/support/sandbox-bed.ts';
import { FIRST_ATTEMPT } from '../../../test/support/simple-desk.ts';
import { asRolloutId } from '../../base/brand.ts';
import { sha256 } from '../../base/digest.ts';
import { AUDIENCES } from '../../protocol/pod-contract.ts';
import {
  zCompanionClaim,
  zFetchClaim,
  zReportClaim,
  zStageClaim,
} from '../../protocol/sandbox-api.ts';
import { openFileArtifacts } from '../../store/file-artifacts.ts';
import { makeAuthority, makeServing } from '../tls/certificates.ts';

const END = '/rollouts/v1/end';
const PUT = '/rollouts/v1/artifacts';

let bed: SandboxBed;
beforeEach(async () => {
  bed = await SandboxBed.start();
});
afterEach(() => bed[Symbol.asyncDispose]());

const artifacts = () => openFileArtifacts(`${bed.folder}/artifacts`);
const end = (snapshot?: string) => ({
  agent: { exitCode: 0, signal: null, reason: 'Exited', seconds: 1, detail: '' },
  findings: [],
  ...(snapshot !== undefined && { snapshot }),
});

/** A verify pod over the first attempt, with its Job. */
async function verifyPod(): Promise<string> {
  const shape = aShape({ phase: 'verify' });
  await bed.store.newJob(aJob({ name: 'v1', shape }), [
    { kind: 'verification', attempt: FIRST_ATTEMPT, verification: 'main' },
  ]);
  await bed.store.setJobUid(aJob({ name: 'v1' }), 'job-uid-v');
  bed.pods.put({ name: 'verify', uid: 'pod-v', jobName: 'v1', jobUid: 'job-uid-v' });
  const pod = { name: 'verify', uid: 'pod-v' };
  return await bed.mint.sign({ audience: [AUDIENCES.verify], pod });
}

describe('claims', () => {
  it('give each role its own, in the words of the protocol', async () => {
    const stage = await bed.claim('stage');
    expect(stage.status).toBe(200);
    expect(zStageClaim.parse(stage.json)).toMatchObject({ attempt: FIRST_ATTEMPT });
    const companion = zCompanionClaim.parse((await bed.claim('companion')).json);
    expect(companion).toMatchObject({ attempt: FIRST_ATTEMPT, reportNonce: 'nonce-1' });
    const token = await verifyPod();
    const fetched = zFetchClaim.parse((await bed.claim('fetch', token)).json);
    const report = zReportClaim.parse((await bed.claim('report', token)).json);
    expect(report.verdictNonce).toBe('verdict-nonce');
    const secrets = [
      stage.json['credential'],
      companion.credential,
      companion.linkBearer,
      fetched.credential,
      report.credential,
    ];
    expect(new Set(secrets).size).toBe(5);
    expect(fetched).not.toHaveProperty('reads');
    expect(companion).not.toHaveProperty('hasModel');
  });

  it('give no bearer of a link to an agent without a model', async () => {
    bed.desk.hasModel = false;
    await bed.claim('stage');
    expect((await bed.claim('companion')).json).not.toHaveProperty('linkBearer');
  });

  it('are idempotent by pod and role: the same attempt again, and the older credential dies', async () => {
    const answers = await Promise.all([bed.claim('stage'), bed.claim('stage')]);
    expect(answers.map(({ json }) => json['attempt'])).toEqual([FIRST_ATTEMPT, FIRST_ATTEMPT]);
    const older = await bed.credential('companion');
    const newer = await bed.credential('companion');
    expect(await bed.ask('POST', END, older, end())).toMatchObject({
      status: 401,
      json: { code: 'Unauthorized', reason: 'CredentialUnknown', retryable: false },
    });
    expect(await bed.ask('POST', END, newer, end())).toMatchObject({ status: 200 });
    expect(await bed.store.listAttempts(asRolloutId('batch-1/task-0/0'))).toHaveLength(1);
  });

  it('survive a restart of the server', async () => {
    await bed.claim('stage');
    const credential = await bed.credential('companion');
    await bed.restart();
    expect(await bed.ask('POST', END, credential, end())).toMatchObject({ status: 200 });
  });

  it.each([
    ['the token of the other pod kind', 'fetch', 401, 'WrongAudience'],
    ['no role', 'agent', 400, undefined],
  ])('are refused to %s', async (_case, role, status, reason) => {
    const answer = await bed.claim(role);
    expect([answer.status, answer.json['reason']]).toEqual([status, reason]);
  });

  it('say what to do where there is nothing to give', async () => {
    bed.desk.refusal = { decision: 'decided', reason: 'rollout is scored' };
    expect(await bed.claim('stage')).toMatchObject({
      status: 409,
      json: { decision: 'decided', reason: 'rollout is scored' },
    });
    bed.pods.put({ jobName: 'unknown', jobUid: 'unknown' });
    expect(await bed.claim('stage')).toMatchObject({ status: 403, json: { reason: 'UnknownJob' } });
    bed.pods.put();
    await bed.store.jobOver(aJob(), 'replaced');
    expect(await bed.claim('stage')).toMatchObject({ status: 409, json: { decision: 'decided' } });
  });

  it('wait for keys and pods that cannot be read now', async () => {
    bed.mint.fault = new Error('connection refused');
    expect(await bed.claim('stage')).toMatchObject({
      status: 503,
      json: { code: 'ClusterUnavailable', retryable: true },
    });
  });
});

describe('artifacts', () => {
  it('are read by the claim that names them and by no other', async () => {
    const store = await artifacts();
    const bytes = Buffer.from('inbox');
    const { digest } = await store.put(bytes);
    const other = await store.put(Buffer.from('of somebody else'));
    const missing = sha256('never stored');
    bed.desk.stageGrant = {
      inputs: [{ path: 'inbox.txt', content: { digest }, executable: false }],
      changes: [{ op: 'write', path: 'x', content: { digest: missing }, executable: false }],
    };
    const stage = await bed.credential('stage');
    expect(await bed.ask('GET', `${PUT}/${digest}`, stage)).toMatchObject({
      status: 200,
      text: 'inbox',
    });
    const cases = [
      [stage, other.digest, 403, 'NotNamed'],
      [stage, missing, 404, undefined],
      [stage, 'x', 400, undefined],
      [await bed.credential('companion'), digest, 403, 'OtherRole'],
      [await bed.mint.sign(), digest, 401, 'TokenMissing'],
      ['a'.repeat(43), digest, 401, 'CredentialUnknown'],
      [undefined, digest, 401, 'TokenMissing'],
    ] as const;
    for (const [bearer, name, status, reason] of cases) {
      const answer = await bed.ask('GET', `${PUT}/${name}`, bearer);
      expect([answer.status, answer.json['reason']]).toEqual([status, reason]);
    }
  });

  it('of a verification are its snapshot and what the desk names', async () => {
    await bed.claim('stage');
    const store = await artifacts();
    const [snapshot, verifier] = [
      await store.put(Buffer.from('snapshot')),
      await store.put(Buffer.from('check.py')),
    ];
    bed.desk.fetchGrant = { snapshot: snapshot.digest, reads: [verifier.digest] };
    const fetch = await bed.credential('fetch', await verifyPod());
    for (const [digest, text] of [
      [snapshot.digest, 'snapshot'],
      [verifier.digest, 'check.py'],
    ]) {
      expect(await bed.ask('GET', `${PUT}/${digest}`, fetch)).toMatchObject({ status: 200, text });
    }
  });

  it('are put by the companion, bounded by its cap, told or not', async () => {
    await bed.claim('stage');
    const companion = await bed.credential('companion');
    const bytes = Buffer.alloc(300_000, 7);
    expect(await bed.ask('PUT', PUT, companion, bytes)).toMatchObject({
      status: 200,
      json: { digest: sha256(bytes), size: bytes.length },
    });
    expect(await bed.ask('PUT', PUT, await bed.credential('stage'), bytes)).toMatchObject({
      status: 403,
      json: { reason: 'OtherRole' },
    });
    const large = Buffer.alloc(34 * 1024 * 1024);
    expect(await bed.ask('PUT', PUT, companion, large).catch(String)).toMatchObject({
      status: 413,
      json: { code: 'TooLarge' },
    });
    const chunks = Array.from({ length: 34 }, () => Buffer.alloc(1024 * 1024));
    const agent = bed.newAgent();
    const untold = await agent
      .request({
        origin: bed.origin,
        method: 'PUT',
        path: PUT,
        body: Readable.from(chunks),
        headers: {
          authorization: `Bearer ${companion}`,
          'content-type': 'application/octet-stream',
        },
      })
      .then(
        ({ statusCode }) => statusCode,
        () => 'broken off',
      );
    await agent.destroy();
    expect([413, 'broken off']).toContain(untold);
    expect(await (await artifacts()).size(sha256(Buffer.concat(chunks)))).toBeUndefined();
  });
});

describe('ends and verdicts', () => {
  it('name what was put, and are taken once', async () => {
    await bed.claim('stage');
    const companion = await bed.credential('companion');
    const { json } = await bed.ask('PUT', PUT, companion, Buffer.from('tar'));
    const snapshot = String(json['digest']);
    expect(await bed.ask('POST', END, companion, end(sha256('never put')))).toMatchObject({
      status: 400,
      json: { code: 'InvalidInput', message: expect.stringContaining('never put') as unknown },
    });
    for (let times = 0; times < 2; times += 1) {
      expect(await bed.ask('POST', END, companion, end(snapshot))).toMatchObject({ status: 200 });
    }
    expect(await bed.store.getAttempt(FIRST_ATTEMPT)).toMatchObject({ end: { snapshot } });
  });

  it.each([
    ['no JSON', Buffer.from('{')],
    ['another form', { findings: 'many' }],
    ['a reason that is none', { ...end(), agent: { ...end().agent, reason: 'Budget' } }],
  ])('are refused with %s', async (_case, body) => {
    await bed.claim('stage');
    const companion = await bed.credential('companion');
    const headers = { 'content-type': 'application/json' };
    const answer = await bed.ask('POST', END, companion, body, headers);
    expect([answer.status, answer.json['code']]).toEqual([400, 'InvalidInput']);
    expect(bed.desk.ends).toEqual([]);
  });

  it('of a Job that is over are fenced, also the bytes', async () => {
    await bed.claim('stage');
    const companion = await bed.credential('companion');
    await bed.store.jobOver(aJob(), 'lost');
    for (const [method, path, body] of [
      ['POST', END, end()],
      ['PUT', PUT, Buffer.from('late')],
    ] as const) {
      expect(await bed.ask(method, path, companion, body)).toMatchObject({
        status: 409,
        json: { code: 'Fenced', reason: 'JobOver' },
      });
    }
    expect(bed.desk.ends).toEqual([]);
  });

  it.each(['disruption', 'cancelled'] as const)(
    'of an attempt closed as %s are fenced',
    async (given) => {
      await bed.claim('stage');
      const companion = await bed.credential('companion');
      const close = { class: given, reason: 'Evicted', closedAt: 1 };
      await bed.store.closeAttempt(FIRST_ATTEMPT, close);
      for (const [method, path, body] of [
        ['POST', END, end()],
        ['PUT', PUT, Buffer.from('late')],
      ] as const) {
        expect(await bed.ask(method, path, companion, body)).toMatchObject({
          status: 409,
          json: { code: 'Fenced', reason: 'AttemptClosed' },
        });
      }
      expect(bed.desk.ends).toEqual([]);
    },
  );

  it('of verify pods reach the desk, with the findings that it knows', async () => {
    await bed.claim('stage');
    const token = await verifyPod();
    const fetch = await bed.credential('fetch', token);
    const report = await bed.credential('report', token);
    const graderRoot = sha256('tools');
    const findings = [
      { code: 'ProtectedInputChanged', message: 'inbox.txt' },
      { code: 'FromTheFuture', message: '?' },
    ];
    const text = '\u0000'.repeat(100_000);
    const cases = [
      ['/rollouts/v1/fetched', fetch, { findings, graderRoot }, 200],
      ['/rollouts/v1/verdict', report, { text }, 200],
      ['/rollouts/v1/verdict', fetch, { text }, 403],
      ['/rollouts/v1/fetched', report, { findings }, 403],
      [END, report, end(), 403],
    ] as const;
    for (const [path, bearer, body, status] of cases) {
      expect((await bed.ask('POST', path, bearer, body)).status).toBe(status);
    }
    expect(bed.desk.fetches).toEqual([{ findings: [findings[0]], graderRoot }]);
    expect(bed.desk.verdicts).toEqual([{ text }]);
  });
});

describe('the listener', () => {
  it('serves nothing else, and speaks TLS 1.3 to those who trust it', async () => {
    for (const path of ['/', '/operator/v1/info', '/rollouts/v1/claims']) {
      expect((await bed.ask('GET', path, undefined)).status).toBe(404);
    }
    const stranger = await makeAuthority(Date.now(), 1e6);
    const agent = bed.newAgent(stranger.certificate);
    await expect(agent.request({ origin: bed.origin, path: '/', method: 'GET' })).rejects.toThrow(
      /certificate/,
    );
    await agent.destroy();
  });

  it('shows a renewed certificate to new connections and keeps the open ones', async () => {
    const authority = await makeAuthority(Date.now(), 3_600_000);
    const serving = await makeServing(
      authority,
      ['clawgym-server.sandbox.internal'],
      Date.now(),
      3_600_000,
    );
    const clients = [bed.newAgent(), bed.newAgent(authority.certificate), bed.newAgent()];
    const [open, told, untold] = clients.map((agent) => async () => {
      const answer = await agent.request({ origin: bed.origin, path: '/', method: 'GET' });
      await answer.body.dump();
      return answer.statusCode;
    });
    expect(await open?.()).toBe(404);
    bed.listener.setCertificate({ cert: serving.certificate, key: serving.key });
    expect(await open?.()).toBe(404);
    expect(await told?.()).toBe(404);
    await expect(untold?.()).rejects.toThrow(/certificate/);
    await Promise.all(clients.map((agent) => agent.destroy()));
  });

  it.each([
    ['PUT', '/rollouts/v1/artifacts', 'application/octet-stream'],
    ['POST', '/rollouts/v1/end', 'application/json'],
    ['POST', '/rollouts/v1/verdict', 'application/json'],
    ['POST', '/gateway/v1/chat/completions', 'application/json'],
  ] as const)('refuses a stranger before his body: %s %s', async (method, path, type) => {
    const agent = bed.newAgent();
    const body = new Readable({ read: () => undefined });
    body.push('{');
    const answer = await agent.request({
      origin: bed.origin,
      method,
      path,
      body,
      headers: {
        authorization: `Bearer ${'a'.repeat(43)}`,
        'content-type': type,
        'content-length': '1000000',
      },
    });
    expect(answer.statusCode).toBe(401);
    await agent.destroy();
  });
});
