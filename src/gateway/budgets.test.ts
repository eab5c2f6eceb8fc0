import { describe, expect, it } from 'vitest';
import {
  gatewayFixture,
  onlyCall,
  PLAIN,
  recordedText,
  STREAM,
} from '../../test/support/gateway-fixture.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { toolTurn } from '../../test/support/scripted-model-server.ts';
import { sumUsage } from './usage.ts';

describe('budgets', () => {
  it.each([
    ['stream', STREAM],
    ['plain', PLAIN],
  ])('turns: the call after the last one gets a final text (%s)', async (_name, body) => {
    await using fixture = await gatewayFixture({
      budgets: { turns: 2 },
      script: () => toolTurn('write', { path: 'a' }),
    });
    await fixture.ask(body);
    await fixture.ask(body);
    expect(fixture.session.budgetEnded).toBeUndefined();
    const last = await fixture.ask(body);
    expect(last).toMatchObject({ status: 200 });
    expect(last.text).toContain('The budget of 2 model calls for this task is used up');
    expect(last.text).toContain('"finish_reason":"stop"');
    expect(last.text).not.toContain('tool_calls');
    expect(fixture.model.requests).toHaveLength(2);
    expect(fixture.session.budgetEnded).toEqual({ budget: 'turns', limit: 2, used: 2 });
    const rows = await fixture.records.listCalls(fixture.attempt);
    expect(rows.map((row) => row.finish?.result)).toEqual(['complete', 'complete', 'budget']);
    expect(await recordedText(fixture, rows[2])).toBe(last.text);
    expect(sumUsage(rows)).toEqual({
      calls: 3,
      inputTokens: 200,
      outputTokens: 20,
      callsWithoutUsage: 0,
      budgetEnds: 1,
    });
  });

  it.each([
    [{ totalTokens: 110 }, 'totalTokens'],
    [{ inputTokens: 100 }, 'inputTokens'],
    [{ outputTokens: 10 }, 'outputTokens'],
  ] as const)('tokens: %o', async (budgets, budget) => {
    await using fixture = await gatewayFixture({ budgets });
    expect((await fixture.ask(STREAM)).text).toContain('Done.');
    expect((await fixture.ask(STREAM)).text).toContain('is used up');
    expect(fixture.session.budgetEnded?.budget).toBe(budget);
    expect(fixture.model.requests).toHaveLength(1);
  });

  it('seconds: used up between calls', async () => {
    const clock = new ManualClock();
    await using fixture = await gatewayFixture({ clock, budgets: { seconds: 60 } });
    clock.advance(59_999);
    expect((await fixture.ask(STREAM)).text).toContain('Done.');
    clock.advance(1);
    expect((await fixture.ask(PLAIN)).text).toContain('The budget of 60 seconds');
  });

  it('seconds: used up while the upstream is silent, the call ends at once', async () => {
    const clock = new ManualClock();
    await using fixture = await gatewayFixture({
      clock,
      budgets: { seconds: 60 },
      fault: () => ({ kind: 'stall' }),
    });
    const answer = fixture.ask(STREAM);
    await fixture.model.arrived(1);
    clock.advance(60_000);
    expect((await answer).text).toContain('The budget of 60 seconds');
    expect((await onlyCall(fixture)).finish?.result).toBe('budget');
    await fixture.model.abandoned(0);
  });

  it('count what earlier calls of the attempt used when the session is opened again', async () => {
    await using fixture = await gatewayFixture({ budgets: { totalTokens: 110 } });
    await fixture.ask(STREAM);
    const { attempt, session } = fixture;
    const { upstream, model, budgets } = session;
    await fixture.sessions.open({ attempt, bearer: 'second', upstream, model, budgets });
    expect((await fixture.ask(STREAM, { bearer: 'second' })).text).toContain('is used up');
    expect((await fixture.ask(STREAM)).status).toBe(401);
  });
});

describe('the time budget, used up while a call', () => {
  it('waits for an endpoint that fails: the attempt is lost, not ended', async () => {
    const clock = new ManualClock();
    await using fixture = await gatewayFixture({
      clock,
      budgets: { seconds: 60 },
      fault: () => ({ kind: 'status', status: 503, retryAfter: '90' }),
    });
    const answer = fixture.ask(STREAM);
    // The call's deadline, the budget's end and the pause before the next try.
    await expect.poll(() => clock.sleeping).toBe(3);
    clock.advance(60_000);
    expect(await answer).toMatchObject({ status: 400 });
    expect((await onlyCall(fixture)).finish?.result).toBe('error');
    expect(fixture.session.upstreamFailed).toContain('status 503');
    expect(fixture.session.budgetEnded).toBeUndefined();
  });

  it('waits for a slow answer after a short failure: the budget’s end', async () => {
    const clock = new ManualClock();
    await using fixture = await gatewayFixture({
      clock,
      budgets: { seconds: 60 },
      fault: ({ index }) =>
        index === 0 ? { kind: 'status', status: 503, retryAfter: '1' } : { kind: 'stall' },
    });
    const answer = fixture.ask(STREAM);
    await expect.poll(() => clock.sleeping).toBe(3);
    clock.advance(1000);
    await fixture.model.arrived(2);
    clock.advance(59_000);
    expect((await answer).text).toContain('The budget of 60 seconds');
    expect(fixture.session.upstreamFailed).toBeUndefined();
  });
});
