import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { Clock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { forwardCall } from './link-call.ts';
import type { GatewayCall, GatewayReply, LinkGateway } from './link-gateway.ts';

/** What becomes of one try: refused, held for so long and then broken off or failed, or answered. */
type Try =
  | 'refused'
  | 'answered'
  | 'a byte more'
  | { readonly held: number; readonly end: 'broken' | number };

const LIMIT_SECONDS = 120;
const REQUEST = {
  callId: 'call-1',
  method: 'POST',
  path: '/v1/chat/completions',
  contentType: 'application/json',
  accept: undefined,
  body: Buffer.from('{}'),
} as const;

/** Time that passes only where somebody waits for it. */
function lazyClock() {
  let now = 0;
  const pass = (ms: number): void => {
    now += ms;
  };
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: async (ms) => pass(ms),
  };
  return { clock, pass };
}

/** Why the link is lost, if it is, after these tries and then the last one for ever. */
async function lossAfter(tries: readonly Try[]) {
  const { clock, pass } = lazyClock();
  let made = 0;
  const reply = (statusCode: number): GatewayReply => ({
    ...{ statusCode, headers: {}, dump: async () => undefined },
    body: (async function* body() {
      yield Buffer.from('answer');
    })(),
  });
  const cutReply = (bytes: number): GatewayReply => ({
    ...{ statusCode: 200, headers: {}, dump: async () => undefined },
    body: (async function* body() {
      yield Buffer.alloc(bytes);
      throw new Error('socket hang up');
    })(),
  });
  const call = async ({ onTaken }: GatewayCall): Promise<GatewayReply> => {
    const next = tries[Math.min(made, tries.length - 1)] ?? 'refused';
    made += 1;
    if (next === 'refused') throw new Error('connect ECONNREFUSED');
    onTaken?.();
    if (next === 'answered') return reply(200);
    if (next === 'a byte more') return cutReply(made);
    pass(next.held);
    if (next.end === 'broken') throw new Error('socket hang up');
    return reply(next.end);
  };
  const gateway: LinkGateway = { call, close: async () => undefined };
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const context = {
    ...{ gateway, bearer: 'b', clock, random: () => 0.5, logger: silentLogger },
    backoff: { firstMs: 1000, maxMs: 1000 },
    gatewayLossSeconds: LIMIT_SECONDS,
  };
  const loss = await forwardCall(REQUEST, response, context, new AbortController().signal);
  return { lost: loss?.reason, seconds: Math.round(clock.monotonic() / 1000) };
}

const away = (seconds: number): readonly Try[] =>
  Array.from({ length: seconds }, (): Try => 'refused');
const cut = (held: number): Try => ({ held, end: 'broken' });

test.each<[string, readonly Try[], string | undefined]>([
  ['one absence below the limit', [cut(5000), ...away(90), 'answered'], undefined],
  [
    'several, each below it, of a gateway that held the call in between and gave no byte',
    [cut(5000), ...away(90), cut(3000), ...away(90), cut(3000), ...away(90), 'answered'],
    undefined,
  ],
  ['a call that is broken off after hours of waiting', [cut(9_000_000), 'answered'], undefined],
  ['one absence above it', [cut(5000), 'refused'], 'Away'],
  ['a gateway that dies of the call at once, again and again', [cut(100)], 'Away'],
  ['a gateway that is there and answers 503 late', [{ held: 3000, end: 503 }], 'Away'],
])('%s', async (_, tries, lost) => {
  expect((await lossAfter(tries)).lost).toBe(lost);
});

test.each<[string, Try, number]>([
  ['holds it for a while and lets go of it', cut(3000), 300],
  ['gives one byte more each time', 'a byte more', 300],
  ['holds it as long as a gateway may', cut(900_000), 11 * 900 + LIMIT_SECONDS],
])('a call has an end where its gateway, again and again, %s', async (_, each, most) => {
  const { lost, seconds } = await lossAfter([each]);
  expect(lost).toBe('Away');
  expect(seconds).toBeGreaterThanOrEqual(LIMIT_SECONDS);
  expect(seconds).toBeLessThan(most);
});

test('an absence is counted from the moment at which the gateway let the call go', async () => {
  const { lost, seconds } = await lossAfter([cut(600_000), 'refused']);
  expect(lost).toBe('Away');
  expect(seconds).toBeGreaterThanOrEqual(600 + LIMIT_SECONDS);
  expect(seconds).toBeLessThan(600 + LIMIT_SECONDS + 5);
});
