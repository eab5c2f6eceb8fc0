import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { SynthesisCallRow, SynthesisRecordRow } from '../src/store/synthesis-records.ts';
import type { ScriptedModelServer } from '../test/support/scripted-model-server.ts';
import { Claim } from './support/claim.ts';
import { runUntil } from './support/run-until.ts';
import { readStore } from './support/store-state.ts';
import {
  readSummary,
  readSynthesis,
  startFallibleModel,
  writeManifest,
} from './support/synthesis-bed.ts';

/**
 * Claims lifecycle/2 and 20: kill -9 of a synthesis at moments spread over its run. Records, summary and task set
 * are those of an undisturbed run to the byte; no record that had ended ends anew, no recorded call is
 * asked again, and no decided gate rollout is decided again. Where a kill falls between an answer and
 * its record, that one call is asked again: at most as many as records ran at the time.
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '10' },
    records: { type: 'string', default: '19' },
  },
});
const KILLS = Number(values.kills);
const RECORDS = Number(values.records);
const PARALLEL = 2;
/** Some records must fail, so the target is not reached. */
const ENDINGS = [0, 3];

interface Seen {
  readonly records: readonly SynthesisRecordRow[];
  readonly calls: readonly SynthesisCallRow[];
  readonly decisions: ReadonlyMap<string, string>;
}

const claim = new Claim();
const scratch = await mkdtemp(join(tmpdir(), 'clawgym-kills-'));

async function look(out: string): Promise<Seen> {
  const { decisions } = await readStore(out);
  return { ...(await readSynthesis(out, 'fallible')), decisions };
}

async function run(out: string, model: ScriptedModelServer, killAfterMs?: number) {
  // The same address in every run is not to be had: two servers, two manifests, one for each folder.
  const manifest = `${out}.json`;
  await writeManifest(manifest, RECORDS, model.baseUrl);
  const args = ['run', '-f', manifest, '--out', out, '--no-model-check'];
  return await runUntil([...args, '--parallel', String(PARALLEL)], killAfterMs, ENDINGS);
}

/** What is done of a job: its checkpoints, its calls and the rollouts of its gates. */
const doneIn = ({ records, calls, decisions }: Seen): number =>
  records.reduce((sum, { revision }) => sum + revision, 0) + calls.length + decisions.size;

interface Calm {
  readonly state: Seen;
  /** From the start of the process to its first call. */
  readonly startMs: number;
  readonly workMs: number;
}

/** Kills a run KILLS times, each within its share of the work that is left, then lets it finish. */
async function disturbed(out: string, model: ScriptedModelServer, calm: Calm) {
  const seen: Seen[] = [];
  let left = 1;
  while (seen.length < KILLS && left > 0) {
    const share = (calm.workMs * left) / (KILLS - seen.length + 1);
    const killed = await run(out, model, calm.startMs + share * (0.5 + Math.random()));
    if (!killed) break;
    const state = await look(out);
    seen.push(state);
    left = 1 - doneIn(state) / doneIn(calm.state);
  }
  await run(out, model);
  return seen;
}

function compare(seen: readonly Seen[], end: Seen): void {
  for (const [index, state] of seen.entries()) {
    const after = `after kill ${index + 1}`;
    for (const row of state.records) {
      const now = end.records.find(({ number }) => number === row.number);
      claim.check(now !== undefined, `record ${row.number} was lost ${after}`);
      const ended = row.endedAt !== undefined;
      const same = JSON.stringify(now) === JSON.stringify(row);
      claim.check(!ended || same, `record ${row.number} ended anew ${after}`);
    }
    const calls = new Map(end.calls.map((call) => [call.callId, JSON.stringify(call)]));
    for (const call of state.calls) {
      const same = calls.get(call.callId) === JSON.stringify(call);
      claim.check(same, `call ${call.callId} was lost or made anew ${after}`);
    }
    for (const [id, decision] of state.decisions) {
      claim.check(end.decisions.get(id) === decision, `${id} was decided anew ${after}`);
    }
  }
}

const shape = ({ records }: Seen): string =>
  JSON.stringify(
    records.map(({ number, stage, revision, data }) => [number, stage, revision, data]),
  );

try {
  await using calmModel = await startFallibleModel();
  await using model = await startFallibleModel();
  const calmOut = join(scratch, 'calm');
  const began = Date.now();
  await run(calmOut, calmModel);
  const tookMs = Date.now() - began;
  const calm = await look(calmOut);
  const startMs = Math.min(...calm.calls.map(({ startedAt }) => startedAt)) - began;
  const out = join(scratch, 'killed');
  const seen = await disturbed(out, model, { state: calm, startMs, workMs: tookMs - startMs });
  const end = await look(out);
  claim.check(seen.length === KILLS, `only ${seen.length} kills fell into the run`);
  compare(seen, end);
  claim.check(shape(end) === shape(calm), 'records differ from those of the undisturbed run');
  const files = ['task-set.tar', 'records.jsonl', 'summary.json'];
  for (const file of files) {
    const [one, other] = await Promise.all([
      readFile(join(calmOut, file)),
      readFile(join(out, file)),
    ]);
    claim.check(one.equals(other), `${file} differs from that of the undisturbed run`);
  }
  const again = model.requests.length - end.calls.length;
  claim.check(again >= 0 && again <= KILLS * PARALLEL, `${again} calls were asked for twice`);
  const open = seen.filter(({ records }) => records.some(({ endedAt }) => endedAt === undefined));
  claim.check(open.length > 0, 'no kill fell into the work');
  const { accepted, calls } = await readSummary(out);
  claim.finish(
    `${seen.length} kills, ${open.length} of them amid open records: ${RECORDS} records, ${accepted} tasks and ${calls} calls as in the undisturbed run, byte for byte; ${again} answers lost before their record were asked for again`,
  );
} finally {
  await rm(scratch, { recursive: true, force: true });
}
