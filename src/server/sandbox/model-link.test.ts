import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chatBody } from '../../../test/support/gateway-fixture.ts';
import { anEnd } from '../../../test/support/records.ts';
import { SandboxBed, type SandboxBedOptions } from '../../../test/support/sandbox-bed.ts';
import { FIRST_ATTEMPT } from '../../../test/support/simple-desk.ts';
import { sumUsage } from '../../gateway/usage.ts';

const CHAT = '/gateway/v1/chat/completions';

describe('the model link of a pod', () => {
  let bed: SandboxBed;
  let bearer: string;
  const open = async (options: SandboxBedOptions = {}): Promise<void> => {
    await bed[Symbol.asyncDispose]();
    bed = await SandboxBed.start(options);
    bearer = await claim();
  };
  const claim = async (): Promise<string> => {
    await bed.claim('stage');
    return String((await bed.claim('companion')).json['linkBearer']);
  };
  beforeEach(async () => {
    bed = await SandboxBed.start();
    bearer = await claim();
  });
  afterEach(() => bed[Symbol.asyncDispose]());

  const chat = (callId: string, by = bearer, body = chatBody()) =>
    bed.ask('POST', CHAT, by, body, { 'x-clawgym-call-id': callId });
  const end = (credential: string, agent?: object) =>
    bed.ask('POST', '/rollouts/v1/end', credential, { findings: [], ...(agent && { agent }) });

  it('answers calls, and repeats of them from the record, also after a restart', async () => {
    const answer = await chat('call-0001');
    expect(answer).toMatchObject({
      status: 200,
      text: expect.stringContaining('Done.') as unknown,
    });
    await bed.restart();
    expect((await chat('call-0001')).text).toBe(answer.text);
    expect(bed.model.requests).toHaveLength(1);
    expect(await chat('call-0002')).toMatchObject({ status: 200 });
    expect(bed.model.requests).toHaveLength(2);
    expect(await bed.ask('GET', '/gateway/v1/models', bearer)).toMatchObject({ status: 200 });
    expect(await bed.store.listCalls(FIRST_ATTEMPT)).toHaveLength(2);
  });

  it('counts what was used before a restart', async () => {
    await open({ budgets: { turns: 2 } });
    await chat('call-0001');
    await bed.restart();
    await chat('call-0002');
    await bed.restart();
    const third = await chat('call-0003');
    expect(third.text).toContain('The budget of 2 model calls');
    expect(sumUsage(await bed.store.listCalls(FIRST_ATTEMPT))).toMatchObject({ budgetEnds: 1 });
    expect(bed.model.requests).toHaveLength(2);
  });

  it('counts the tokens of before, too', async () => {
    const usage = { inputTokens: 60, outputTokens: 50 };
    await open({ budgets: { totalTokens: 100 }, script: () => ({ content: 'x', usage }) });
    await chat('call-0001');
    await bed.restart();
    expect((await chat('call-0002')).text).toContain('The budget of 100 tokens');
  });

  it('belongs to the newest claim of the companion, and to nobody after the end', async () => {
    const newer = await bed.claim('companion');
    expect(await chat('call-0001')).toMatchObject({ status: 401 });
    expect(await chat('call-0002', String(newer.json['linkBearer']))).toMatchObject({
      status: 200,
    });
    expect(await chat('call-0003', String(newer.json['credential']))).toMatchObject({
      status: 401,
    });
    expect(await chat('call-0004', await bed.mint.sign())).toMatchObject({ status: 401 });
    expect(await end(String(newer.json['credential']))).toMatchObject({ status: 200 });
    const again = await bed.claim('companion');
    for (const by of [newer, again]) {
      expect(await chat('call-0005', String(by.json['linkBearer']))).toMatchObject({ status: 401 });
    }
    await bed.restart();
    expect(await chat('call-0006', String(again.json['linkBearer']))).toMatchObject({
      status: 401,
    });
  });

  it('ends with its attempt, whoever closes that', async () => {
    expect(await chat('call-0001')).toMatchObject({ status: 200 });
    const close = { class: 'cancelled', reason: 'Paused', closedAt: 1 } as const;
    await bed.store.closeAttempt(FIRST_ATTEMPT, close);
    expect(await chat('call-0002')).toMatchObject({ status: 401 });
  });

  it('has every call on record before the desk hears of the end', async () => {
    const hold = Promise.withResolvers<void>();
    await open({ fault: () => ({ kind: 'gate', beforeFrame: 1, open: hold.promise }) });
    const credential = await bed.credential('companion');
    const link = String((await bed.claim('companion')).json['linkBearer']);
    expect(await end(credential)).toMatchObject({ status: 401 });
    const flying = chat('call-0001', link, chatBody({ stream: true })).catch(() => undefined);
    while (bed.model.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const { json } = await bed.claim('companion');
    let atEnd: unknown;
    bed.desk.end = async () => {
      atEnd = (await bed.store.listCalls(FIRST_ATTEMPT)).map(({ finish }) => finish?.result);
      await bed.store.endAttempt(FIRST_ATTEMPT, 'nonce-1', anEnd());
    };
    expect(await end(String(json['credential']))).toMatchObject({ status: 200 });
    expect(atEnd).toEqual(['aborted']);
    hold.resolve();
    await flying;
  });

  it('keeps why the endpoint lost an attempt over a restart', async () => {
    await open({ fault: () => ({ kind: 'status', status: 401 }) });
    expect(await chat('call-0001')).toMatchObject({ status: 400 });
    await bed.restart();
    expect(await bed.store.getModelLoss(FIRST_ATTEMPT)).toContain(
      'refused the call with status 401',
    );
  });
});
