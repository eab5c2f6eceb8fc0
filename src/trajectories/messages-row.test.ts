import { expect, it } from 'vitest';
import { aCall, asked, said, toolResult, wants } from '../../test/support/read-calls.ts';
import { callTree } from './call-tree.ts';
import { messagesRows } from './messages-row.ts';

const LINEAGE = {
  batch: 'batch-1',
  rollout: 'batch-1/sort/0',
  attempt: 'batch-1/sort/0#1',
  task: { id: 'sort', digest: 'd', cluster: 'files/sort' },
  harness: { name: 'pi', version: '1.0.0' },
  outcome: 'scored',
  reward: 0.75,
};

const rowsOf = (calls: readonly ReturnType<typeof aCall>[], openings = ['Sort.']) =>
  messagesRows(callTree(calls, openings), LINEAGE);

it('holds the whole conversation with the words of the model, reasoning included', () => {
  const ask = { role: 'user', content: [{ type: 'text', text: 'Sort.' }] };
  const rows = rowsOf([
    aCall(1, [ask], { ...wants('ls', 'call_xyz'), reasoning: 'Look first.' }),
    aCall(2, [ask, wants('ls'), toolResult('b a')], said('a b')),
  ]);
  expect(rows).toEqual([
    {
      ...LINEAGE,
      id: 'batch-1/sort/0#1/0',
      session: 0,
      models: ['scripted'],
      tools: [],
      calls: ['call-1', 'call-2'],
      branches: { unanswered: 0, retry: 0, side: 0 },
      messages: [
        { role: 'user', content: 'Sort.' },
        {
          role: 'assistant',
          content: null,
          reasoning_content: 'Look first.',
          // The id that the tool's answer below refers to, not the one that the model chose.
          tool_calls: [
            {
              id: 'call1',
              type: 'function',
              function: { name: 'exec', arguments: '{"command":"ls"}' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'call1', content: 'b a' },
        { role: 'assistant', content: 'a b' },
      ],
    },
  ]);
});

it('marks what no recorded call said, so that it is never trained', () => {
  const [row] = rowsOf([
    aCall(1, [asked('Sort.'), said('Example.'), asked('Go on.')], said('a b')),
  ]);
  expect(row?.messages.map(({ role, weight }) => [role, weight])).toEqual([
    ['user', undefined],
    ['assistant', 0],
    ['user', undefined],
    ['assistant', undefined],
  ]);
});

it('leaves pictures as they are', () => {
  const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } };
  const content = [{ type: 'text', text: 'Sort.' }, picture];
  const [row] = rowsOf([aCall(1, [{ role: 'user', content }], said('a b'))]);
  expect(row?.messages[0]).toEqual({ role: 'user', content });
});

it('is one row for each session, and counts what is in none', () => {
  const first = aCall(1, [asked('Sort.')], said('a b'));
  const title = aCall(2, [asked('A title?')], said('Sorting'));
  const second = aCall(3, [asked('Count.')], said('2'));
  const rows = rowsOf([first, title, second], ['Sort.', 'Count.']);
  expect(rows.map(({ id, calls, branches }) => [id, calls, branches.side])).toEqual([
    ['batch-1/sort/0#1/0', ['call-1'], 1],
    ['batch-1/sort/0#1/1', ['call-3'], 1],
  ]);
});
