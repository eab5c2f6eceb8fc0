import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyPump } from '../support/fault-proxy/body-pump.ts';
import type { BodyFault } from '../support/fault-proxy/faults.ts';
import type { ProxiedRequest } from '../support/fault-proxy/proxied-request.ts';
import { RuleBook, seededRandom } from '../support/fault-proxy/rules.ts';

const WATCH: ProxiedRequest = {
  number: 1,
  connection: 1,
  at: 0,
  httpVersion: '2.0',
  method: 'GET',
  path: '/api/v1/pods',
  query: new URLSearchParams('watch=1'),
  headers: {},
  resource: 'pods',
  verb: 'watch',
};

/** Pumps the pieces of a body through; what came out, and how it ended. */
function pump(pieces: readonly string[], faults: readonly BodyFault[], watch = true) {
  const book = new RuleBook(seededRandom(3));
  for (const fault of faults) book.add({ match: () => true, fault });
  const out = { text: '', events: 0, end: 'open' };
  const body = new BodyPump(
    book.sheet(WATCH),
    {
      pass: (bytes) => {
        out.text += Buffer.from(bytes).toString();
      },
      end: (fault) => {
        out.end = fault?.kind ?? 'complete';
      },
      reset: () => {
        out.end = 'reset';
      },
      stall: (fault) => {
        out.end = 'stalled';
        if (fault.kind === 'stall' && fault.forMs !== undefined) stalled = true;
      },
      count: (events) => {
        out.events += events;
      },
    },
    watch,
  );
  let stalled = false;
  body.poke();
  for (const [at, piece] of pieces.entries()) {
    body.push(Buffer.from(piece));
    // A stall ends some pieces later.
    if (stalled && at % 3 === 2) {
      stalled = false;
      body.resume();
    }
  }
  body.finish();
  while (stalled) {
    stalled = false;
    body.resume();
  }
  return { ...out, injected: book.injected };
}

const lines = (count: number) => Array.from({ length: count }, (_, at) => `{"event":${at}}\n`);
/** Cuts a text into pieces at arbitrary places. */
const pieces = fc
  .tuple(fc.nat(30), fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }))
  .map(([count, cuts]) => {
    const text = lines(count).join('');
    const places = cuts.map((cut) => Math.floor(cut * text.length)).toSorted((a, b) => a - b);
    const from = [0, ...places];
    return { count, text, parts: from.map((at, index) => text.slice(at, from[index + 1])) };
  });

describe('however the bytes come in pieces', () => {
  test('without a rule all of them pass', () => {
    fc.assert(
      fc.property(pieces, ({ count, text, parts }) => {
        expect(pump(parts, [])).toEqual({ text, events: count, end: 'complete', injected: {} });
      }),
    );
  });

  test('a cut falls after exactly so many events', () => {
    fc.assert(
      fc.property(pieces, fc.nat(30), ({ count, text, parts }, after) => {
        const found = pump(parts, [{ kind: 'close', when: { events: after } }]);
        const cut = after < count || after === 0;
        expect(found.text).toBe(cut ? lines(after).join('') : text);
        expect(found.end).toBe(cut ? 'close' : 'complete');
      }),
    );
  });

  test('a cut falls after exactly so many bytes', () => {
    fc.assert(
      fc.property(pieces, fc.nat(400), ({ text, parts }, after) => {
        const found = pump(parts, [{ kind: 'reset', when: { bytes: after } }]);
        expect(found.text).toBe(text.slice(0, after));
        expect(found.end).toBe(after <= text.length ? 'reset' : 'complete');
      }),
    );
  });

  test('stalls that end, garbage and repeats lose no byte and keep the order', () => {
    fc.assert(
      fc.property(pieces, fc.nat(30), fc.nat(400), ({ count, text, parts }, after, bytes) => {
        const found = pump(parts, [
          { kind: 'stall', forMs: 1, when: { events: after } },
          { kind: 'garbage', text: '#', when: { chance: 0.3 } },
          { kind: 'stall', forMs: 1, when: { bytes } },
          { kind: 'duplicate', when: { chance: 0.3 } },
        ]);
        const kept = found.text.split('\n').filter((line) => line !== '' && line !== '#');
        expect([...new Set(kept)]).toEqual(text.split('\n').filter((line) => line !== ''));
        expect(kept).toEqual(kept.toSorted((a, b) => eventOf(a) - eventOf(b)));
        expect(kept).toHaveLength(count + (found.injected['duplicate'] ?? 0));
        expect([found.events, found.end === 'reset']).toEqual([count, false]);
      }),
    );
  });
});

describe('in an answer that is no watch', () => {
  test.each<[string, BodyFault, string, string]>([
    ['truncated', { kind: 'truncate' }, '{"it', 'truncate'],
    ['truncated after bytes', { kind: 'truncate', when: { bytes: 3 } }, '{"i', 'truncate'],
    ['reset', { kind: 'reset' }, '', 'reset'],
    ['silent in its middle', { kind: 'stall', when: { bytes: 9 } }, '{"items":', 'stalled'],
  ])('the body is %s', (_case, fault, text, end) => {
    expect(pump(['{"items"', ':[]}'], [fault], false)).toMatchObject({ text, end });
  });
});

function eventOf(line: string): number {
  return (JSON.parse(line) as { event: number }).event;
}
