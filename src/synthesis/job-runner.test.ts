import { expect, onTestFinished, test } from 'vitest';
import { MemoryArtifacts } from '../../test/support/memory-artifacts.ts';
import { PLANTED, plantedIn } from '../../test/support/synthesis/fallible-generator.ts';
import { FallibleUpstream, openRunner } from '../../test/support/synthesis/job-bed.ts';
import { PLAYED_GATES } from '../../test/support/synthesis/played-gates.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { ClawError } from '../base/error.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import type { SynthesisRecords } from '../store/synthesis-records.ts';
import type { SynthesisRecord } from './record.ts';

const NEVER = new AbortController().signal;

async function openStore(): Promise<SynthesisRecords> {
  const dir = await tempDir();
  const holder = 'test';
  const survives = 'process';
  const store = await openSqliteStore({ folder: dir.path, holder, clock: systemClock, survives });
  onTestFinished(async () => {
    await store[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  return store;
}

const ends = (records: readonly SynthesisRecord[]): readonly string[] =>
  records.map(({ stage, data }) => data.rejection?.reason ?? stage);

test('every record ends, each for its own reason, whatever runs beside it', async () => {
  const all = await Promise.all(
    [1, 4].map(async (parallelism) => {
      const bed = { store: await openStore(), artifacts: new MemoryArtifacts() };
      const upstream = new FallibleUpstream();
      const options = { ...bed, upstream, records: PLANTED.length, parallelism };
      return (await openRunner(options)).run(NEVER);
    }),
  );
  const [one = [], four = []] = all;
  expect(four.map(({ data }) => data)).toEqual(one.map(({ data }) => data));
  for (const { number, stage, data } of one) {
    const { kind, ends: end, reason } = plantedIn(number);
    const found = {
      kind,
      ends: data.rejection?.stage ?? stage,
      reason: data.rejection?.reason ?? '',
    };
    expect(found).toEqual({ kind, ends: end, reason });
  }
});

test('no record is begun beyond the target, and one more for each that is rejected', async () => {
  const bed = { store: await openStore(), artifacts: new MemoryArtifacts() };
  const runner = await openRunner({
    ...bed,
    upstream: new FallibleUpstream(),
    records: 19,
    target: 3,
  });
  const records = await runner.run(NEVER);
  expect(ends(records).filter((end) => end === 'accepted')).toHaveLength(3);
  const rejected = records.filter(({ stage }) => stage === 'rejected').length;
  expect(records).toHaveLength(3 + rejected);
  expect(ends(records).slice(0, 4)).toEqual([
    'accepted',
    'MalformedAnswer',
    'MalformedAnswer',
    'accepted',
  ]);
});

/** A store whose process dies at its k-th write: before it, or after it was made durable. */
function dying(store: SynthesisRecords, at: number, after: boolean): SynthesisRecords {
  let writes = 0;
  const dies = async <T>(write: () => Promise<T>): Promise<T> => {
    writes += 1;
    if (writes < at) return await write();
    if (writes === at && after) await write();
    throw new ClawError('StoreUnavailable', 'the process was killed');
  };
  return {
    getSynthesis: (job) => store.getSynthesis(job),
    listSynthesisRecords: (job) => store.listSynthesisRecords(job),
    getSynthesisCall: (id) => store.getSynthesisCall(id),
    listSynthesisCalls: (job) => store.listSynthesisCalls(job),
    planSynthesis: (job) => store.planSynthesis(job),
    addSynthesisRecord: (row) => dies(() => store.addSynthesisRecord(row)),
    saveSynthesisRecord: (row) => dies(() => store.saveSynthesisRecord(row)),
    addSynthesisCall: (row) => dies(() => store.addSynthesisCall(row)),
  };
}

test('killed before and after every write, a job comes to the same end', async () => {
  const records = 6;
  const calm = await openStore();
  const calmBed = { artifacts: new MemoryArtifacts(), upstream: new FallibleUpstream(), records };
  const whole = await (await openRunner({ ...calmBed, store: calm })).run(NEVER);
  const rows = await calm.listSynthesisRecords('job');
  const calls = await calm.listSynthesisCalls('job');
  const writes = records + calls.length + whole.reduce((sum, each) => sum + each.revision, 0);
  const store = await openStore();
  const artifacts = new MemoryArtifacts();
  const upstream = new FallibleUpstream();
  for (let kill = 0; kill < writes * 2; kill += 1) {
    // One more write each time gets through: every write of the job is the last one once, twice.
    const life = dying(store, 2, kill % 2 === 1);
    const bed = { artifacts, upstream, records, store: life };
    const ended = await (await openRunner(bed)).run(NEVER).then(
      () => true,
      () => false,
    );
    if (ended) break;
  }
  const again = await (await openRunner({ artifacts, upstream, records, store })).run(NEVER);
  expect(ends(again)).toEqual(ends(whole));
  const shape = (list: typeof rows) =>
    list.map(({ number, revision, data }) => [number, revision, data]);
  expect(shape(await store.listSynthesisRecords('job'))).toEqual(shape(rows));
  const ids = (list: typeof calls) =>
    new Set(list.map(({ callId, request, response }) => `${callId} ${request} ${response}`));
  expect(ids(await store.listSynthesisCalls('job'))).toEqual(ids(calls));
});

test('an endpoint that is out stops the job and condemns no record', async () => {
  const bed = { store: await openStore(), artifacts: new MemoryArtifacts() };
  const upstream = new FallibleUpstream();
  upstream.before = () => {
    throw new ClawError('UpstreamFailed', 'gone');
  };
  await expect((await openRunner({ ...bed, upstream, records: 4 })).run(NEVER)).rejects.toThrow(
    'gone',
  );
  const rows = await bed.store.listSynthesisRecords('job');
  expect(rows.map(({ stage }) => stage)).toEqual(['draft', 'draft', 'draft', 'draft']);
  upstream.before = () => undefined;
  const records = await (await openRunner({ ...bed, upstream, records: 4 })).run(NEVER);
  expect(ends(records)).toEqual(['accepted', 'MalformedAnswer', 'MalformedAnswer', 'accepted']);
});

test.each<[string, (upstream: FallibleUpstream) => void, string]>([
  [
    'gets no answer ever',
    (upstream) => {
      upstream.before = (prompt) => {
        if (prompt.startsWith('Record 1,')) throw new ClawError('UpstreamFailed', 'gone');
        return undefined;
      };
    },
    'ModelFailed',
  ],
  [
    'is refused by the endpoint',
    (upstream) => {
      upstream.before = (prompt) => (prompt.startsWith('Record 1,') ? 400 : undefined);
    },
    'InvalidInput',
  ],
])('a record that %s ends, and the others go on', async (_name, prepare, reason) => {
  const bed = { store: await openStore(), artifacts: new MemoryArtifacts() };
  const upstream = new FallibleUpstream();
  prepare(upstream);
  const runner = await openRunner({ ...bed, upstream, records: 4, parallelism: 2 });
  expect(ends(await runner.run(NEVER))).toEqual([
    reason,
    'MalformedAnswer',
    'MalformedAnswer',
    'accepted',
  ]);
});

test.each([401, 404, 429])('status %i is the job’s trouble and no record’s', async (status) => {
  const bed = { store: await openStore(), artifacts: new MemoryArtifacts() };
  const upstream = new FallibleUpstream();
  upstream.before = () => status;
  const runner = await openRunner({ ...bed, upstream, records: 6 });
  await expect(runner.run(NEVER)).rejects.toThrow(`status ${status}`);
  expect(
    (await bed.store.listSynthesisRecords('job')).every(({ endedAt }) => endedAt === undefined),
  ).toBe(true);
});

test('a token budget ends what is open, and a higher one lets the job go on', async () => {
  const bed = { store: await openStore(), artifacts: new MemoryArtifacts() };
  const upstream = new FallibleUpstream();
  const tight = await openRunner({ ...bed, upstream, records: 19, maxTokens: 6000, target: 2 });
  const records = await tight.run(NEVER);
  expect(ends(records)).toContain('BudgetExhausted');
  const used = (await bed.store.listSynthesisCalls('job')).reduce(
    (sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens,
    0,
  );
  expect(used).toBeLessThan(6000 + 3 * 3000);
  const wide = await openRunner({ ...bed, upstream, records: 19, target: 2 });
  expect(ends(await wide.run(NEVER)).filter((end) => end === 'accepted')).toHaveLength(2);
});

test('sandboxes that cannot start stop the job; one that fails for one record ends that one', async () => {
  const bed = { store: await openStore(), artifacts: new MemoryArtifacts() };
  const upstream = new FallibleUpstream();
  const broken = { run: () => Promise.reject(new ClawError('SandboxFailed', 'no room')) };
  const out = await openRunner({ ...bed, upstream, records: 4, gates: broken });
  await expect(out.run(NEVER)).rejects.toThrow('no room');
  const odd: typeof PLAYED_GATES = {
    run: (candidate, ...rest) =>
      candidate.entry.task.id === 'job-0001' ? broken.run() : PLAYED_GATES.run(candidate, ...rest),
  };
  const records = await (await openRunner({ ...bed, upstream, records: 4, gates: odd })).run(NEVER);
  expect(ends(records)[0]).toBe('SandboxFailed');
  expect(ends(records)[3]).toBe('accepted');
});

test('a stop leaves every record at its last checkpoint', async () => {
  const bed = { store: await openStore(), artifacts: new MemoryArtifacts() };
  const upstream = new FallibleUpstream();
  const stop = new AbortController();
  upstream.before = (prompt) => {
    if (prompt.includes(', verifier.')) stop.abort(new ClawError('Cancelled', 'stopped'));
    return undefined;
  };
  const runner = await openRunner({ ...bed, upstream, records: 4, parallelism: 1 });
  await expect(runner.run(stop.signal)).rejects.toThrow('stopped');
  const rows = await bed.store.listSynthesisRecords('job');
  expect(rows.some(({ endedAt }) => endedAt !== undefined)).toBe(false);
  expect(rows.map(({ stage }) => stage)).toContain('verifier');
});

test('whoever writes or mends a verifier never sees the solution', async () => {
  const bed = { store: await openStore(), artifacts: new MemoryArtifacts() };
  const upstream = new FallibleUpstream();
  const runner = await openRunner({ ...bed, upstream, records: PLANTED.length });
  await runner.run(NEVER);
  const shown = (label: RegExp): readonly string[] =>
    upstream.prompts.filter((prompt) => label.test(prompt.split('\n')[0] ?? ''));
  const verifiers = shown(/, (?:verifier|repair-\d)/);
  expect(verifiers.length).toBeGreaterThan(PLANTED.length / 2);
  for (const prompt of verifiers) {
    // The plant that leaks its solution into an input shows it to everybody.
    if (!prompt.includes('notes/old.sh')) expect(prompt).not.toContain('json.dump({"total"');
  }
  for (const prompt of shown(/, repair-solution/)) expect(prompt).toContain('json.dump({"total"');
});

test('three repairs are asked for and no fourth, each with what was seen', async () => {
  const bed = { store: await openStore(), artifacts: new MemoryArtifacts() };
  const upstream = new FallibleUpstream();
  const runner = await openRunner({ ...bed, upstream, records: PLANTED.length });
  const records = await runner.run(NEVER);
  const vacuous = records.find(({ number }) => plantedIn(number).kind === 'vacuous verifier');
  expect(vacuous?.data.repairs).toEqual(['PaysForNothing', 'PaysForNothing', 'PaysForNothing']);
  const asked = upstream.prompts.filter((prompt) =>
    prompt.startsWith(`Record ${vacuous?.number}, repair-`),
  );
  expect(asked).toHaveLength(3);
  for (const prompt of asked) expect(prompt).toContain('an untouched workspace earns flat 1');
  const mended = records.find(({ number }) => plantedIn(number).kind === 'verifier mended');
  expect(mended?.data.repairs).toEqual(['VerifierError']);
});
