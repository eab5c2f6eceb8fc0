import { describe, expect, it } from 'vitest';
import { aCall, asked, said, toolResult, wants } from '../../test/support/read-calls.ts';
import { callTree, sessionOpenings } from './call-tree.ts';

const SORT = 'Sort the names.';
const first = aCall(1, [asked(SORT)], wants('ls'));
const second = aCall(2, [asked(SORT), wants('ls'), toolResult('a b')], said('Sorted.'));

const ids = (chain: readonly { readonly row: { readonly callId: string } }[]) =>
  chain.map(({ row }) => row.callId);
const kinds = (tree: ReturnType<typeof callTree>) =>
  tree.branches.map(({ kind, call }) => `${call.row.callId} ${kind}`);

describe('the calls of an attempt', () => {
  it('are one conversation where each goes on from the answer before', () => {
    const tree = callTree([first, second], [SORT]);
    expect(tree.main.map(({ calls }) => ids(calls))).toEqual([['call-1', 'call-2']]);
    expect(tree.branches).toEqual([]);
  });

  it('go on where the harness rewrote the ids of tool calls and dropped the reasoning', () => {
    const thinking = aCall(1, [asked(SORT)], { ...wants('ls', 'call_abc'), reasoning: 'Hm.' });
    const tree = callTree([thinking, second], [SORT]);
    expect(tree.main.map(({ calls }) => ids(calls))).toEqual([['call-1', 'call-2']]);
  });

  it('do not go on where the harness changed one letter of the answer', () => {
    const other = aCall(2, [asked(SORT), wants('ls -l'), toolResult('a b')], said('Sorted.'));
    const tree = callTree([first, other], [SORT]);
    expect(tree.main.map(({ calls }) => ids(calls))).toEqual([['call-2']]);
    expect(kinds(tree)).toEqual(['call-1 side']);
  });

  it('keep as a retry the answer that the agent did not go on with', () => {
    const again = aCall(3, [asked(SORT)], wants('find'));
    const tree = callTree([first, again, second], [SORT]);
    expect(tree.main.map(({ calls }) => ids(calls))).toEqual([['call-1', 'call-2']]);
    expect(kinds(tree)).toEqual(['call-3 retry']);
  });

  it('take the last of two last answers: it was the last word', () => {
    const again = aCall(3, second.messages, said('Sorted, again.'));
    const tree = callTree([first, second, again], [SORT]);
    expect(tree.main.map(({ calls }) => ids(calls))).toEqual([['call-1', 'call-3']]);
    expect(kinds(tree)).toEqual(['call-2 retry']);
  });

  it('keep another conversation aside, however long', () => {
    const title = aCall(7, [asked('Give this chat a title.')], said('Names'));
    const more = aCall(8, [...title.messages, said('Names'), asked('Shorter.')], said('N'));
    const last = aCall(9, [...more.messages, said('N'), asked('Longer.')], said('Names!'));
    const tree = callTree([first, title, more, last, second], [SORT]);
    expect(tree.main.map(({ calls }) => ids(calls))).toEqual([['call-1', 'call-2']]);
    expect(kinds(tree)).toEqual(['call-7 side', 'call-8 side', 'call-9 side']);
  });

  it('are never part of a conversation without a complete answer', () => {
    const aborted = aCall(4, second.messages, said('Sor'), 'aborted');
    const tree = callTree([first, second, aborted], [SORT]);
    expect(tree.main.map(({ calls }) => ids(calls))).toEqual([['call-1', 'call-2']]);
    expect(kinds(tree)).toEqual(['call-4 unanswered']);
  });

  it('make one conversation for each session of the task, in its order', () => {
    const later = aCall(5, [asked('Now count them.')], said('2'));
    const tree = callTree([first, second, later], [SORT, 'Now count them.']);
    expect(tree.main.map(({ calls }) => ids(calls))).toEqual([['call-1', 'call-2'], ['call-5']]);
  });

  it('keep the numbers of the sessions where one has no answer, or its words are part of another', () => {
    const long = aCall(5, [asked('Go on. Now count them.')], said('2'));
    const short = aCall(6, [asked('Go on.')], said('Yes.'));
    const openings = ['Never asked.', 'Go on.', 'Go on. Now count them.'];
    const { main } = callTree([long, short], openings);
    expect(main.map(({ session, calls }) => [session, ...ids(calls)])).toEqual([
      [1, 'call-6'],
      [2, 'call-5'],
    ]);
  });

  it('make two conversations for two sessions with the same words', () => {
    const again = aCall(6, [asked(SORT)], wants('cat'));
    const end = aCall(7, [asked(SORT), wants('cat'), toolResult('')], said('Done.'));
    const tree = callTree([first, second, again, end], [SORT, SORT]);
    expect(new Set(tree.main.map(({ calls }) => ids(calls)))).toEqual(
      new Set([
        ['call-1', 'call-2'],
        ['call-6', 'call-7'],
      ]),
    );
  });
});

it('a task opens a session with its first turn, and with each that asks for a new one', () => {
  const turn = (text: string, newSession = false) => ({ text, newSession });
  expect(sessionOpenings([turn('a'), turn('b'), turn('c', true)])).toEqual(['a', 'c']);
});
