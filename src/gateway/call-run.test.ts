import { describe, expect, it } from 'vitest';
import {
  askGateway,
  askParts,
  firstRequests,
  gatewayFixture,
  onlyCall,
  PLAIN,
  recordedText,
  STREAM,
} from '../../test/support/gateway-fixture.ts';
import { keepingLogger } from '../../test/support/keeping-logger.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';

const CALL = 'call-0001';

describe('a repeated call id', () => {
  it('is answered from the record, also by a later gateway', async () => {
    await using fixture = await gatewayFixture();
    const one = await fixture.ask(STREAM, { callId: CALL });
    const two = await fixture.ask(STREAM, { callId: CALL });
    const three = await askGateway(fixture.anotherGateway(), STREAM, { callId: CALL });
    expect([two, three]).toEqual([one, one]);
    expect(fixture.model.requests).toHaveLength(1);
  });

  it('joins the call in flight and gets the same bytes', async () => {
    const open = Promise.withResolvers<void>();
    await using fixture = await gatewayFixture({
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: open.promise }),
    });
    const answers = [1, 2, 3].map(() => fixture.ask(STREAM, { callId: CALL }));
    await fixture.model.arrived(1);
    open.resolve();
    const [one, two, three] = await Promise.all(answers);
    expect(one?.text).toContain('[DONE]');
    expect([two, three]).toEqual([one, one]);
    expect(fixture.model.requests).toHaveLength(1);
    await onlyCall(fixture);
  });

  it('asks the upstream again where the gateway died before the record', async () => {
    const never = new Promise(() => undefined);
    await using fixture = await gatewayFixture({
      fault: firstRequests(1, { kind: 'gate', beforeFrame: 0, open: never }),
    });
    const lost = fixture.ask(STREAM, { callId: CALL });
    await fixture.model.arrived(1);
    await fixture.gateway[Symbol.asyncDispose]();
    expect((await lost).status).toBe(503);
    expect((await onlyCall(fixture)).finish).toBeUndefined();
    const answer = await askGateway(fixture.anotherGateway(), STREAM, { callId: CALL });
    expect(answer.text).toContain('[DONE]');
    expect((await onlyCall(fixture)).finish?.result).toBe('complete');
  });

  it('is refused with another body', async () => {
    await using fixture = await gatewayFixture();
    await fixture.ask(STREAM, { callId: CALL });
    expect(await fixture.ask(PLAIN, { callId: CALL })).toMatchObject({ status: 409 });
    expect(fixture.model.requests).toHaveLength(1);
  });
});

describe('an agent that hangs up', () => {
  it('stops the upstream and is recorded as aborted with what it got', async () => {
    const never = new Promise(() => undefined);
    await using fixture = await gatewayFixture({
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: never }),
    });
    const gone = new AbortController();
    const answer = await askParts(fixture.gateway, STREAM, { callId: CALL, signal: gone.signal });
    const iterator = (answer.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    const seen = Buffer.from((await iterator.next()).value).toString();
    const cancelled = await fixture.gateway.handle(
      {
        method: 'DELETE',
        path: `/calls/${CALL}`,
        authorization: 'Bearer bearer-of-the-first-attempt',
        callId: undefined,
        accept: undefined,
        body: new Uint8Array(),
      },
      new AbortController().signal,
    );
    gone.abort();
    await fixture.model.abandoned(0);
    await fixture.gateway.endAttempt(fixture.attempt);
    expect(cancelled.status).toBe(204);
    const row = await onlyCall(fixture);
    expect(row.finish?.result).toBe('aborted');
    expect((await recordedText(fixture, row)).startsWith(seen)).toBe(true);
  });

  it('before an answer began is no failure of the gateway', async () => {
    const lines: string[] = [];
    const never = new Promise(() => undefined);
    await using fixture = await gatewayFixture({
      logger: keepingLogger(lines),
      fault: () => ({ kind: 'gate', beforeFrame: 0, open: never }),
    });
    const gone = new AbortController();
    const answer = fixture.ask(STREAM, { callId: CALL, signal: gone.signal });
    await fixture.model.arrived(1);
    gone.abort();
    expect((await answer).status).toBe(503);
    expect(lines).toEqual([]);
  });

  it('is taken for gone when no link has come back within the limit, not before', async () => {
    const clock = new ManualClock();
    const never = new Promise(() => undefined);
    await using fixture = await gatewayFixture({
      clock,
      limits: { detachSeconds: 120 },
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: never }),
    });
    const gone = new AbortController();
    await askParts(fixture.gateway, STREAM, { callId: CALL, signal: gone.signal });
    gone.abort();
    clock.advance(119_000);
    const back = new AbortController();
    await askParts(fixture.gateway, STREAM, { callId: CALL, signal: back.signal });
    clock.advance(119_000);
    expect(fixture.model.hungUp.size).toBe(0);
    back.abort();
    clock.advance(120_000);
    await fixture.model.abandoned(0);
    await fixture.gateway.endAttempt(fixture.attempt);
    expect((await onlyCall(fixture)).finish?.result).toBe('aborted');
  });

  it('leaves a call that runs on to its record when only the connection was lost', async () => {
    const open = Promise.withResolvers<void>();
    await using fixture = await gatewayFixture({
      fault: () => ({ kind: 'gate', beforeFrame: 2, open: open.promise }),
    });
    const gone = new AbortController();
    await askParts(fixture.gateway, STREAM, { callId: CALL, signal: gone.signal });
    gone.abort();
    open.resolve();
    const answer = await fixture.ask(STREAM, { callId: CALL });
    expect(answer.text).toContain('[DONE]');
    expect(fixture.model.requests).toHaveLength(1);
  });
});
