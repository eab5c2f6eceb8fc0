import { expect, test } from 'vitest';
import { parseJson } from '../base/brand.ts';
import { parseChatRequest, withSampling, withSingleMembers } from './chat-request.ts';

const body = (value: object): Uint8Array => Buffer.from(JSON.stringify(value));
const read = (bytes: Uint8Array): unknown => parseJson(Buffer.from(bytes).toString());

test('leaves the very bytes alone where the run fixes nothing', () => {
  const bytes = Buffer.from('{ "model" : "m", "temperature":0.20 }');
  expect(withSampling(bytes, undefined)).toBe(bytes);
  expect(withSampling(bytes, {})).toBe(bytes);
});

test("puts the run's sampling in place of the agent's and keeps what it does not fix", () => {
  const asked = body({ model: 'm', temperature: 0.2, top_p: 0.9, tools: [] });
  expect(read(withSampling(asked, { temperature: 1, seed: 7 }))).toEqual({
    model: 'm',
    temperature: 1,
    top_p: 0.9,
    tools: [],
    seed: 7,
  });
});

test.each([
  [{ max_completion_tokens: 900 }, { max_tokens: 100 }, { max_tokens: 100 }],
  [{ max_tokens: 900 }, { max_tokens: 100 }, { max_tokens: 100 }],
  [{ max_completion_tokens: 900 }, { seed: 1 }, { max_completion_tokens: 900, seed: 1 }],
])('asked with %j under %j: sends %j', (asked, sampling, sent) => {
  expect(read(withSampling(body(asked), sampling))).toEqual(sent);
});

test.each([
  ['{"model":"mine","messages":[{"role":"user"}],"model":"other"}', false],
  ['{"\\u006dodel":"mine","messages":[{"role":"user"}],"model":"other"}', false],
  ['{"model":"mine","stream":true,"messages":[{"role":"user"}],"stream":false}', false],
  ['{"model":"mine","\\u0073tream":true,"messages":[{"role":"user"}],"stream":false}', false],
  ['{"model":"mine",  "messages":[{"role":"user","content":"say \\"model\\": x"}]}', true],
])(
  'a body that names its model and its form once keeps its bytes, another is written anew: %s',
  (text, kept) => {
    const bytes = Buffer.from(text);
    const sent = withSingleMembers(bytes, parseChatRequest(bytes));
    expect(sent === bytes).toBe(kept);
    expect(
      Buffer.from(sent)
        .toString()
        .match(/"model"\s*:/g),
    ).toHaveLength(1);
    expect(
      Buffer.from(sent)
        .toString()
        .match(/stream"\s*:/g)?.length ?? 1,
    ).toBe(1);
  },
);

test.each(['Model', 'MODEL', 'Stream', '\u017ftream', 'Temperature', 'max_Tokens', 'Messages'])(
  'refuses %s, which an endpoint may take for the member in small letters',
  (name) => {
    const asked = body({ model: 'mine', messages: [{ role: 'user' }], [name]: 'other' });
    expect(() => parseChatRequest(asked)).toThrow(/is another spelling of "[a-z_]+"; send it in/);
  },
);

test('lets other members be, whatever their spelling', () => {
  const asked = body({ model: 'mine', messages: [{ role: 'user' }], topK: 1, 'X-Models': [] });
  expect(parseChatRequest(asked)).toMatchObject({ topK: 1 });
});
