import { describe, expect, it } from 'vitest';
import {
  askGateway,
  type GatewayFixture,
  gatewayFixture,
  MODEL,
} from '../../test/support/gateway-fixture.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { taskScript, toolTurn } from '../../test/support/scripted-model-server.ts';
import { isRecord } from '../base/brand.ts';
import { assembleAnswer } from './assistant-message.ts';
import { finalMessage } from './final-message.ts';
import { readCalls } from './read-calls.ts';
import { sessionTranscript } from './session-transcript.ts';

const SYSTEM = { role: 'system', content: 'You are an agent.' };

/** Plays a harness: asks, runs every tool with the result "ok", asks again until the final text. */
async function converse(
  fixture: GatewayFixture,
  clock: ManualClock,
  history: object[],
): Promise<object[]> {
  for (let turn = 0; turn < 10; turn += 1) {
    clock.advance(1000);
    const answer = await askGateway(fixture.gateway, {
      model: MODEL,
      stream: true,
      messages: history,
    });
    const { content, toolCalls } = assembleAnswer(answer.bytes, answer.contentType);
    history.push({
      role: 'assistant',
      content: content === '' ? null : content,
      ...(toolCalls.length === 0
        ? {}
        : {
            tool_calls: toolCalls.map(({ id, name, arguments: args }) => ({
              id,
              type: 'function',
              function: { name, arguments: args },
            })),
          }),
    });
    if (toolCalls.length === 0) return history;
    for (const { id } of toolCalls) history.push({ role: 'tool', tool_call_id: id, content: 'ok' });
  }
  return history;
}

async function transcriptOf(fixture: GatewayFixture) {
  const calls = await readCalls(fixture.attempt, fixture.records, fixture.artifacts);
  return { calls, records: sessionTranscript(calls, '/workspace') };
}

describe('the transcript of an attempt', () => {
  it('has the shape that graders read, once for every message', async () => {
    const clock = new ManualClock(1_700_000_000_000);
    await using fixture = await gatewayFixture({
      clock,
      script: taskScript({
        mail: [
          { reasoning: 'First look.', ...toolTurn('read', { path: 'inbox' }) },
          { content: 'Now I write.', ...toolTurn('write', { path: 'out', content: 'x' }) },
          { content: 'Sorted.' },
        ],
      }),
    });
    await converse(fixture, clock, [SYSTEM, { role: 'user', content: 'Sort the mail' }]);
    const { calls, records } = await transcriptOf(fixture);
    const messages = records.flatMap((record) =>
      isRecord(record['message']) ? [record['message']] : [],
    );
    expect(records[0]).toMatchObject({
      type: 'session',
      cwd: '/workspace',
      timestamp: '2023-11-14T22:13:21.000Z',
    });
    expect(messages.map(({ role, stopReason }) => [role, stopReason])).toEqual([
      ['user', undefined],
      ['assistant', 'toolUse'],
      ['toolResult', undefined],
      ['assistant', 'toolUse'],
      ['toolResult', undefined],
      ['assistant', 'stop'],
    ]);
    expect(messages[0]).toMatchObject({ content: [{ type: 'text', text: 'Sort the mail' }] });
    expect(messages[1]).toMatchObject({
      content: [
        { type: 'thinking', thinking: 'First look.' },
        { type: 'toolCall', name: 'read', arguments: { path: 'inbox' } },
      ],
      usage: { input: 100, output: 10, totalTokens: 110, cost: { total: 0 } },
    });
    expect(messages[4]).toMatchObject({
      toolName: 'write',
      isError: false,
      content: [{ type: 'text', text: 'ok' }],
    });
    expect(messages[5]).toMatchObject({ content: [{ type: 'text', text: 'Sorted.' }] });
    expect(records.slice(2).map((record) => record['parentId'])).toEqual(
      records.slice(1, -1).map((record) => record['id']),
    );
    expect(finalMessage(calls)).toBe('Sorted.');
    expect((await transcriptOf(fixture)).records).toEqual(records);
  });

  it('goes on in one session over turns, and concatenates fresh ones, also for the same prompt', async () => {
    const clock = new ManualClock();
    await using fixture = await gatewayFixture({
      clock,
      script: ({ prompt, turn }) => ({ content: `${prompt} ${turn}` }),
    });
    const one = await converse(fixture, clock, [SYSTEM, { role: 'user', content: 'a' }]);
    await converse(fixture, clock, [...one, { role: 'user', content: 'and?' }]);
    await converse(fixture, clock, [SYSTEM, { role: 'user', content: 'b' }]);
    const again = await converse(fixture, clock, [SYSTEM, { role: 'user', content: 'a' }]);
    await converse(fixture, clock, [...again, { role: 'user', content: 'and?' }]);
    const { records } = await transcriptOf(fixture);
    const shape = records.map((record) =>
      isRecord(record['message']) ? record['message']['role'] : record['type'],
    );
    expect(shape.map(String).join(' ')).toBe(
      [
        'session user assistant user assistant',
        'session user assistant',
        'session user assistant user assistant',
      ].join(' '),
    );
    expect(new Set(records.map((record) => record['id'])).size).toBe(records.length);
  });

  it('counts a retried first request as one session', async () => {
    const clock = new ManualClock();
    await using fixture = await gatewayFixture({
      clock,
      fault: ({ index }) => (index === 0 ? { kind: 'status', status: 400 } : undefined),
    });
    const body = { model: MODEL, messages: [{ role: 'user', content: 'a' }] };
    await askGateway(fixture.gateway, body);
    await askGateway(fixture.gateway, body);
    const { records } = await transcriptOf(fixture);
    expect(records).toHaveLength(3);
    expect(records[2]).toMatchObject({ message: { role: 'assistant', stopReason: 'stop' } });
  });
});

describe('reading calls back', () => {
  it('names what is missing or odd instead of failing', async () => {
    await using fixture = await gatewayFixture();
    await fixture.ask({
      model: MODEL,
      messages: [{ role: 'user', content: 5, tool_calls: 'x' }, { role: 'user' }],
    });
    await fixture.ask({ model: MODEL, messages: [{ role: 'user', content: 'b' }] });
    const [, second] = await fixture.records.listCalls(fixture.attempt);
    if (second?.finish !== undefined) fixture.artifacts.contents.delete(second.finish.response);
    const calls = await readCalls(fixture.attempt, fixture.records, fixture.artifacts);
    expect(calls[0]?.problems).toEqual([]);
    expect(calls[1]?.problems).toEqual([expect.stringContaining('response: no artifact')]);
    expect(sessionTranscript(calls, '/w').length).toBeGreaterThan(0);
  });

  it.each([
    [
      'deltas without an index',
      'text/event-stream',
      'data: {"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{\\"p\\""}}]}}]}\n\ndata: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":":1}"}}]}}]}\n\ndata: {"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"y","arguments":"{}"}}]}}]}\n\n',
    ],
    [
      'interleaved deltas',
      'text/event-stream',
      'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":"{\\"p\\""}},{"index":1,"id":"b","function":{"name":"y","arguments":"{"}}]}}]}\n\ndata: {"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"}"}},{"index":0,"function":{"arguments":":1}"}}]}}]}\n\n',
    ],
  ])('puts tool calls together from %s', (_name, type, text) => {
    expect(assembleAnswer(Buffer.from(text), type).toolCalls).toEqual([
      { id: 'a', name: 'x', arguments: '{"p":1}' },
      { id: 'b', name: 'y', arguments: '{}' },
    ]);
  });
});
