import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import {
  aSynthesisPlan,
  JOB,
  SynthesisBed,
} from '../../../test/support/synthesis/synthesis-bed.ts';
import { sha256 } from '../../base/digest.ts';
import { synthesisRows } from './synthesis-rows.ts';

const DAYS = 30;
const DAY = 24 * 3_600_000;
const never = new AbortController().signal;
const living = { batches: [], named: [], digests: [] };

let bed: SynthesisBed;
let clock: ManualClock;
beforeEach(async () => {
  bed = await SynthesisBed.start(aSynthesisPlan(1));
  clock = new ManualClock();
});
afterEach(async () => bed[Symbol.asyncDispose]());

const rows = () =>
  synthesisRows({
    ...{ runs: bed.bed.store.synthesisRuns, days: DAYS, clock },
    forget: (job) => bed.desk.forget(job),
  });
const isKnown = async () => (await bed.bed.store.getSynthesis(JOB)) !== undefined;

/** A row in each table. */
async function fill(): Promise<void> {
  const { store } = bed.bed;
  const digest = sha256('x');
  await store.addSynthesisRecord({
    ...{ job: JOB, number: 1, revision: 0, stage: 'draft', data: '{}', endedAt: undefined },
  });
  await store.addSynthesisCall({
    ...{ callId: 'c', job: JOB, number: 1, stage: 'draft', role: 'generator', model: 'm' },
    ...{ request: digest, response: digest, status: 200, inputTokens: 1, outputTokens: 1 },
    ...{ startedAt: 0, endedAt: 0 },
  });
  const gate = { job: JOB, number: 1, task: digest, label: 'trial', run: 'nop' };
  await store.synthesisRuns.wantGate(gate, true);
  const round = { run: 'nop', label: 'trial', taskSet: digest, agent: 'nop', samples: 1 };
  await store.synthesisRuns.addGateRound(JOB, round, [gate]);
}

it('go with everything of the job once its object is gone for the days, and a list after them lacks it', async () => {
  await fill();
  const it = rows();
  await it.seen({ ...living, synthesis: [] });
  clock.advance((DAYS - 1) * DAY);
  await it.seen({ ...living, synthesis: [] });
  expect([await it.remove(1000, never), await isKnown()]).toEqual([0, true]);
  clock.advance(2 * DAY);
  expect([await it.remove(1000, never), await isKnown()]).toEqual([0, true]);
  await it.seen({ ...living, synthesis: [] });
  // A few at a time; each pass goes on with what is left.
  expect(await it.remove(1, never)).toBe(6);
  expect(await isKnown()).toBe(false);
  const { store } = bed.bed;
  expect(await store.listSynthesisRecords(JOB)).toEqual([]);
  expect(await store.listSynthesisCalls(JOB)).toEqual([]);
  expect(await store.synthesisRuns.listSynthesisRuns()).toEqual([]);
  await expect(bed.desk.state(JOB)).rejects.toMatchObject({ code: 'NotFound' });
});

it.each<[string, object]>([
  ['while its object is there', { synthesis: [JOB] }],
  ['of a namespace that is not served', { synthesis: [], namespaces: ['elsewhere'] }],
  ['where nothing is said of them', {}],
])('stay %s', async (_case, said) => {
  const it = rows();
  for (let time = 0; time < 3; time += 1) {
    await it.seen({ ...living, ...said });
    clock.advance((DAYS + 1) * DAY);
    expect(await it.remove(1000, never)).toBe(0);
  }
  expect(await isKnown()).toBe(true);
});

it('begin anew where the object is seen again', async () => {
  const it = rows();
  await it.seen({ ...living, synthesis: [] });
  clock.advance((DAYS - 1) * DAY);
  await it.seen({ ...living, synthesis: [JOB] });
  await it.seen({ ...living, synthesis: [] });
  clock.advance(2 * DAY);
  await it.seen({ ...living, synthesis: [] });
  expect([await it.remove(1000, never), await isKnown()]).toEqual([0, true]);
});
