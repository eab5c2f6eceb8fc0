import fc from 'fast-check';
import { expect, it } from 'vitest';
import { answerMeter } from './answer-meter.ts';
import { type Completion, renderFrames, renderJson } from './render-completion.ts';

const COMPLETION: Completion = {
  id: 'a1',
  model: 'm',
  created: 0,
  content: 'grüße 🦀',
  toolCalls: [{ id: 'c1', name: 'write', arguments: '{"a":"é"}' }],
  usage: { inputTokens: 12, outputTokens: 34 },
};
const STREAM = Buffer.concat(renderFrames(COMPLETION));

it('reads the same from a stream however it is cut, and sees its end no later than a client', () => {
  const finish = STREAM.indexOf('"finish_reason":"tool_calls"');
  const frameEnd = STREAM.indexOf('\n\n', finish) + 2;
  fc.assert(
    fc.property(fc.array(fc.nat(STREAM.length), { maxLength: 12 }), (cuts) => {
      const meter = answerMeter('text/event-stream; charset=utf-8');
      const points = [0, ...cuts.toSorted((a, b) => a - b), STREAM.length];
      for (const [index, end] of points.entries()) {
        meter.feed(STREAM.subarray(points[index - 1] ?? 0, end));
        expect(meter.ending).toBe(end >= frameEnd);
      }
      meter.end();
      expect([meter.fault, meter.inputTokens, meter.outputTokens]).toEqual([undefined, 12, 34]);
    }),
  );
});

it.each([
  ['text/event-stream', STREAM, undefined],
  ['text/event-stream', STREAM.subarray(0, STREAM.length - 2), undefined],
  ['text/event-stream', STREAM.subarray(0, 200), 'without a finish reason'],
  [
    'text/event-stream',
    Buffer.from('data: {"error":{"message":"boom"}}\n\ndata: [DONE]\n\n'),
    'boom',
  ],
  ['text/event-stream', Buffer.from(''), 'without a finish reason'],
  ['text/event-stream', Buffer.from('data: [DONE]\n\n'), 'holds no choices'],
  ['text/event-stream', Buffer.from('data: {"choi\n\ndata: [DONE]\n\n'), 'holds no choices'],
  [
    'text/event-stream',
    Buffer.from('data: {"choices":[]}\n\ndata: [DONE]\n\n'),
    'holds no choices',
  ],
  [
    'text/event-stream',
    Buffer.from('data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n'),
    undefined,
  ],
  ['application/json', renderJson(COMPLETION), undefined],
  ['application/json', renderJson(COMPLETION).subarray(0, 100), 'not whole JSON'],
  ['application/json', Buffer.from('{"error":{"message":"boom"}}'), 'no choices'],
  ['application/json', Buffer.from('{"choices":[]}'), 'no choices'],
  ['application/json', Buffer.from(''), 'not whole JSON'],
])('%s %#: fault %s', (type, bytes, fault) => {
  const meter = answerMeter(type);
  meter.feed(bytes);
  meter.end();
  if (fault === undefined) expect(meter.fault).toBeUndefined();
  else expect(meter.fault).toContain(fault);
});

it('takes an answer whose counts are no counts, and counts none', () => {
  const meter = answerMeter('application/json');
  const usage = { prompt_tokens: -1, completion_tokens: 7 };
  meter.feed(Buffer.from(JSON.stringify({ choices: [{ finish_reason: 'stop' }], usage })));
  meter.end();
  expect([meter.fault, meter.inputTokens, meter.outputTokens]).toEqual([undefined, undefined, 7]);
});
