import { describe, expect, it } from 'vitest';
import { chatBody, gatewayFixture, MODEL } from '../../test/support/gateway-fixture.ts';
import { assembleAnswer } from '../trajectories/assistant-message.ts';
import { RecordedUpstream } from './recorded-upstream.ts';
import { parseRecording } from './recording.ts';

const TEXT = `{"schema":"clawgym.recording/v1","model":"${MODEL}","note":"by hand"}

{"task":"mail","match":"Sort the mail","turns":[{"tool_calls":[{"name":"write","arguments":{"path":"a","n":1}},{"name":"read","arguments":{}}],"usage":{"prompt_tokens":7,"completion_tokens":3}},{"content":"Sorted."}]}
{"task":"mail-2","match":"Sort the mail of May","turns":[{"content":"May is sorted."}]}
`;
const recording = parseRecording(TEXT, 'test.jsonl');

function ask(over: object, prompt = '[date] Sort the mail now') {
  return chatBody({ messages: [{ role: 'user', content: prompt }], ...over });
}

describe('a recorded model', () => {
  it.each([true, false])(
    'answers the turn that the history asks for (stream: %s)',
    async (stream) => {
      await using fixture = await gatewayFixture({ upstream: new RecordedUpstream(recording) });
      const first = await fixture.ask(ask({ stream }));
      const answer = assembleAnswer(first.bytes, first.contentType);
      expect(answer).toMatchObject({
        finishReason: 'tool_calls',
        toolCalls: [
          { name: 'write', arguments: '{"path":"a","n":1}' },
          { name: 'read', arguments: '{}' },
        ],
        usage: { inputTokens: 7, outputTokens: 3 },
      });
      const ids = answer.toolCalls.map((call) => call.id);
      expect(new Set(ids).size).toBe(2);
      for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9]{1,40}$/);
      const messages = [
        { role: 'user', content: [{ type: 'text', text: 'Sort the mail now' }] },
        { role: 'assistant', content: null },
      ];
      const second = await fixture.ask(ask({ stream, messages }));
      expect(assembleAnswer(second.bytes, second.contentType)).toMatchObject({
        content: 'Sorted.',
        finishReason: 'stop',
      });
      expect((await fixture.ask(ask({ stream }))).bytes).toEqual(first.bytes);
    },
  );

  it.each([
    ['the longest match', ask({}, 'Sort the mail of May'), 'May is sorted.'],
    ['no row', ask({}, 'Sort the files'), 'has no row for this task'],
    [
      'a turn too many',
      ask({
        messages: [
          { role: 'user', content: 'Sort the mail' },
          ...[1, 2].map(() => ({ role: 'assistant', content: 'x' })),
        ],
      }),
      'has 2 turns for mail; turn 3 was asked for',
    ],
  ])('%s', async (_name, body, words) => {
    await using fixture = await gatewayFixture({ upstream: new RecordedUpstream(recording) });
    expect((await fixture.ask(body)).text).toContain(words);
  });
});

describe('a recording file that cannot be read', () => {
  it.each([
    ['', 'test.jsonl: empty'],
    ['{"schema":"clawgym.recording/v9","model":"m"}', 'test.jsonl:1: schema'],
    ['{"schema":"clawgym.recording/v1","model":"m"}\n\n{', 'test.jsonl:3: not JSON'],
    [
      '{"schema":"clawgym.recording/v1","model":"m"}\n{"task":"a","match":"b","turns":[]}',
      'test.jsonl:2: turns',
    ],
  ])('%j names line and field', (text, message) => {
    expect(() => parseRecording(text, 'test.jsonl')).toThrow(message);
  });
});
