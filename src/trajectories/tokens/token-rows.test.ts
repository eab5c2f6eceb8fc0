import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type TokenCall, tokenProblem } from './token-call.ts';
import { ENVIRONMENT, type TokenRow, tokenRows } from './token-rows.ts';

let count = 0;
function call(
  promptIds: readonly number[],
  completionIds: readonly number[],
  version = 0,
): TokenCall {
  count += 1;
  const logprobs = completionIds.map((id) => -id / 100);
  return { callId: `call-${count}`, promptIds, completionIds, logprobs, version };
}

const shape = ({ ids, mask }: TokenRow) =>
  ids.map((id, at) => (mask[at] === 1 ? `${id}!` : `${id}`));

describe('the rows of an attempt', () => {
  it('are one where every prompt begins with all that was said before', () => {
    const rows = tokenRows([call([1, 2], [3, 4]), call([1, 2, 3, 4, 5], [6], 2)]);
    expect(rows.map(shape)).toEqual([['1', '2', '3!', '4!', '5', '6!']]);
    expect(rows[0]?.version).toEqual([ENVIRONMENT, ENVIRONMENT, 0, 0, ENVIRONMENT, 2]);
    expect(rows[0]?.logp).toEqual([0, 0, -0.03, -0.04, 0, -0.06]);
  });

  it('part where a history is tokenised anew', () => {
    const rows = tokenRows([call([1], [2, 3]), call([1, 23, 4], [5])]);
    expect(rows.map(shape)).toEqual([
      ['1', '2!', '3!'],
      ['1', '23', '4', '5!'],
    ]);
  });

  it('let a sub-agent have a row of its own, and go on after it', () => {
    const rows = tokenRows([
      call([1], [2]),
      call([7], [8]),
      call([1, 2, 3], [4]),
      call([7, 8, 9], [9]),
    ]);
    expect(rows.map(shape)).toEqual([
      ['1', '2!', '3', '4!'],
      ['7', '8!', '9', '9!'],
    ]);
  });

  it('leave out the answer that the agent threw away', () => {
    const thrown = call([1], [2]);
    const used = call([1], [3]);
    const rows = tokenRows([used, thrown, call([1, 3, 4], [5])]);
    expect(rows.map(shape)).toEqual([['1', '3!', '4', '5!']]);
    expect(tokenRows([thrown, used]).map(({ calls }) => calls)).toEqual([[used.callId]]);
  });

  it('hold an answer that was cut at its length as context, and end before it where nothing follows', () => {
    const cut = { ...call([1, 2], [3, 4]), cut: true };
    const next = call([1, 2, 3, 4, 5], [6]);
    const last = { ...call([1, 2, 3, 4, 5, 6, 7], [8, 9]), cut: true };
    const [row, ...others] = tokenRows([cut, next, last]);
    expect(row === undefined ? [] : shape(row)).toEqual(['1', '2', '3', '4', '5', '6!']);
    expect([row?.version, row?.logp, row?.calls]).toEqual([
      [...Array.from({ length: 5 }, () => ENVIRONMENT), 0],
      [0, 0, 0, 0, 0, -0.06],
      [next.callId],
    ]);
    expect(others).toEqual([]);
    expect(tokenRows([last])).toEqual([]);
  });

  it('train exactly what was sampled, each under exactly the tokens that it was sampled under', () => {
    const ids = fc.array(fc.nat(3), { minLength: 1, maxLength: 6 });
    const property = fc.property(
      fc.array(fc.tuple(ids, ids, fc.boolean()), { maxLength: 8 }),
      (turns) => {
        let history: readonly number[] = [];
        const said = turns.map(([context, answer, forgets]) => {
          const prompt = forgets ? context : [...history, ...context];
          history = [...prompt, ...answer];
          return call(prompt, answer);
        });
        const known = new Map(said.map((each) => [each.callId, each]));
        for (const row of tokenRows(said)) {
          const calls = row.calls.map((id) => known.get(id));
          const lengths = calls.map((each) => each?.completionIds.length ?? 0);
          expect(sampledSpans(row, lengths)).toEqual(calls.map(spanOf));
        }
      },
    );
    fc.assert(property);
  });
});

/** Each call's sampled tokens with everything before them, one string a call. */
function sampledSpans(row: TokenRow, lengths: readonly number[]): readonly string[] {
  const { ids, version, mask, logp } = row;
  expect([version, mask, logp].map(({ length }) => length)).toEqual([
    ids.length,
    ids.length,
    ids.length,
  ]);
  let at = 0;
  const spans = lengths.map((length) => {
    const start = mask.indexOf(1, at);
    at = start + length;
    expect(mask.slice(start, at)).not.toContain(0);
    return `${ids.slice(0, start).join()} -> ${ids.slice(start, at).join()}`;
  });
  expect(mask.slice(at)).not.toContain(1);
  return spans;
}

function spanOf(known: TokenCall | undefined): string {
  return `${known?.promptIds.join()} -> ${known?.completionIds.join()}`;
}

it.each<[string, Partial<TokenCall>]>([
  ['empty', { completionIds: [], logprobs: [] }],
  ['empty', { promptIds: [] }],
  ['lengthMismatch', { logprobs: [-1] }],
  ['notFinite', { logprobs: [-1, Number.NaN] }],
  ['notFinite', { logprobs: [-1, 0.5] }],
  ['badId', { completionIds: [1, -2] }],
  ['badId', { promptIds: [2 ** 31] }],
])('a call is not trained on where it is %s', (problem, over) => {
  const good = call([1], [2, 3]);
  expect(tokenProblem(good)).toBeUndefined();
  expect(tokenProblem({ ...good, ...over })).toBe(problem);
});
