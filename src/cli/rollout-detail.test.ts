import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { MemoryArtifacts } from '../../test/support/memory-artifacts.ts';
import { asked, said } from '../../test/support/read-calls.ts';
import { aBatch, aCall, aClaim, aFinish, aPlan } from '../../test/support/records.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import type { CallFinish } from '../store/records.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import { MemoryBlobs } from '../tasks/memory-blobs.ts';
import { taskSetBytes } from '../tasks/set/task-set-bytes.ts';
import { TASK_SCHEMA, zTask } from '../tasks/task.ts';
import { taskDigest } from '../tasks/task-digest.ts';
import { SHOWN_CALL_BYTES } from './rollout-branches.ts';
import { rolloutDetail } from './rollout-detail.ts';
import { rolloutText } from './rollout-text.ts';

const OPENING = 'Sort the names.';
const task = zTask.parse({
  ...{ schema: TASK_SCHEMA, id: 'task-0', instruction: { turns: [{ text: OPENING }] } },
  workspace: { path: '/w', inputs: [] },
});

interface Asked {
  readonly messages: readonly object[];
  readonly answer: string;
  readonly result?: CallFinish['result'];
}
const start: Asked = { messages: [asked(OPENING)], answer: 'One' };
const goesOn: Asked = { messages: [asked(OPENING), said('One'), asked('More.')], answer: 'Two' };
const title: Asked = { messages: [asked('Give this chat a title.')], answer: 'Names' };

/** What `clawgym show` tells of one attempt with these calls, and which artifacts it read. */
async function shown(calls: readonly Asked[], keepSet = true) {
  await using dir = await tempDir();
  await using store = await openSqliteStore({
    ...{ folder: dir.path, holder: 'test', clock: systemClock },
  });
  const artifacts = new MemoryArtifacts();
  const digest = taskDigest(task);
  const set = taskSetBytes([{ task, digest }], new MemoryBlobs(), new AbortController().signal);
  const { digest: taskSet } = await artifacts.putStream(Readable.from(set), { maxBytes: 1e6 });
  if (!keepSet) artifacts.contents.delete(taskSet);
  const [planned = expect.unreachable()] = aPlan(1);
  await store.planBatch(aBatch({ taskSet }), [{ ...planned, taskDigest: digest }]);
  await store.openAttempt(planned.id, aClaim());
  const put = async (value: object) =>
    (await artifacts.put(Buffer.from(JSON.stringify(value)))).digest;
  for (const [index, { messages, answer, result = 'complete' }] of calls.entries()) {
    const callId = `call-${index + 1}`;
    const request = await put({ model: 'scripted', messages });
    await store.openCall(aCall(planned.id, { callId, request }));
    const choices = [{ message: said(answer), finish_reason: 'stop' }];
    await store.finishCall(callId, aFinish({ response: await put({ choices }), result }));
  }
  const rollout = (await store.getRollout(planned.id)) ?? expect.unreachable();
  const detail = await rolloutDetail({ store, artifacts, rollout });
  const [attempt = expect.unreachable()] = detail.attempts;
  const lines = rolloutText(detail, 'a/b/0').split('\n');
  return {
    branches: attempt.calls.map(({ branch }) => branch),
    unknown: attempt.branchesUnknown,
    lines: lines.filter((line) => /^ {4}\d|^ {2}Branches/.test(line)),
  };
}

const TOKENS = 'complete 200, 12 in, 3 out tokens';

test('names each call that is not on the main chain', async () => {
  const again = { ...start, answer: 'Another' };
  const aborted = { ...goesOn, result: 'aborted' as const };
  expect(await shown([start, again, title, goesOn, aborted])).toEqual({
    branches: ['main', 'retry', 'side', 'main', 'unanswered'],
    unknown: undefined,
    lines: [
      `    1  ${TOKENS}`,
      `    2  ${TOKENS}, retry`,
      `    3  ${TOKENS}, side`,
      `    4  ${TOKENS}`,
      '    5  aborted 200, 12 in, 3 out tokens',
    ],
  });
});

test('adds no word where all calls are one conversation', async () => {
  const { lines } = await shown([start, goesOn]);
  expect(lines).toEqual([`    1  ${TOKENS}`, `    2  ${TOKENS}`]);
});

test('needs no task where no call was answered', async () => {
  const { branches, unknown } = await shown([{ ...start, result: 'error' }], false);
  expect([branches, unknown]).toEqual([['unanswered'], undefined]);
});

test('says why the branches are not known: the tasks are gone', async () => {
  const { branches, unknown, lines } = await shown([start], false);
  expect(branches).toEqual([undefined]);
  expect(unknown).toMatch(/^no artifact [0-9a-f]{64}$/);
  expect(lines).toEqual([`    1  ${TOKENS}`, `  Branches:    not known: ${unknown}`]);
});

test('says why the branches are not known: there is more than is read for this', async () => {
  const much = { ...start, answer: 'x'.repeat(SHOWN_CALL_BYTES) };
  const { branches, unknown } = await shown([much]);
  expect(branches).toEqual([undefined]);
  expect(unknown).toContain(`more than ${SHOWN_CALL_BYTES} bytes`);
});
