import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { table } from '../src/base/table.ts';
import { loadTasks } from '../src/cli/load-tasks.ts';
import { PLANTED, plantedIn } from '../test/support/synthesis/fallible-generator.ts';
import { Claim } from './support/claim.ts';
import { clawgym } from './support/clawgym.ts';
import {
  type RecordLine,
  readRecordLines,
  readSummary,
  startFallibleModel,
  writeManifest,
} from './support/synthesis-bed.ts';

/**
 * Claim lifecycle/1: a generator with defects in known proportions, asked over HTTP, its work proved in
 * real sandboxes. Every planted defect is rejected by the stage that should see it and for its reason,
 * every sound candidate is accepted, and the task set holds these alone. `--rounds N`: times that every
 * kind comes.
 */
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '1' } } });
const records = Number(values.rounds) * PLANTED.length;
if (!Number.isInteger(records) || records < 1) throw new Error(`--rounds ${values.rounds}`);

const claim = new Claim();
const scratch = await mkdtemp(join(tmpdir(), 'clawgym-synthesis-'));
await using model = await startFallibleModel();

const endOf = ({ stage, reason = '', message = '' }: RecordLine): string =>
  stage === 'accepted' ? stage : `${reason} (${message})`;

/** Rows: what was planted. Columns: how often it ended as it should, and otherwise. */
function confusion(lines: readonly RecordLine[]): string {
  const kinds = [...new Set(PLANTED.map(({ kind }) => kind))];
  const rows = kinds.map((kind) => {
    const planted = lines.filter(({ number }) => plantedIn(number).kind === kind);
    const { ends, reason } = plantedIn(planted[0]?.number ?? 1);
    const right = planted.filter((line) => isRight(line)).length;
    const expected = reason === '' ? ends : `${ends}: ${reason}`;
    return [kind, expected, String(planted.length), String(right), String(planted.length - right)];
  });
  return table(['PLANTED', 'MUST END', 'RECORDS', 'RIGHT', 'WRONG'], rows);
}

function isRight(line: RecordLine): boolean {
  const { ends, reason } = plantedIn(line.number);
  if (ends === 'accepted') return line.stage === 'accepted';
  return line.rejectedBy === ends && line.reason === reason;
}

try {
  const manifest = join(scratch, 'synthesis.json');
  const out = join(scratch, 'fallible');
  await writeManifest(manifest, records, model.baseUrl);
  const run = await clawgym(['run', '-f', manifest, '--out', out, '--no-model-check']);
  claim.check(
    run.exitCode === 3,
    `exit code ${run.exitCode}, expected 3: ${run.stderr.slice(-800)}`,
  );
  const lines = await readRecordLines(out);
  process.stdout.write(confusion(lines));
  claim.check(lines.length === records, `${lines.length} records, expected ${records}`);
  for (const line of lines) {
    const { kind } = plantedIn(line.number);
    claim.check(isRight(line), `record ${line.number} (${kind}) ended as ${endOf(line)}`);
  }
  const sound = lines.filter(({ number }) => plantedIn(number).ends === 'accepted');
  const { accepted, calls, taskSet } = await readSummary(out);
  const logger = console;
  await using tasks = await loadTasks(
    { path: join(out, 'task-set.tar'), ids: undefined, skipInvalid: false },
    { ...logger, debug: () => undefined },
    AbortSignal.timeout(60_000),
  );
  const ids = tasks.set.tasks.map(({ digest }) => digest);
  claim.check(accepted === sound.length, `${accepted} accepted, expected ${sound.length}`);
  claim.check(tasks.whole.digest === taskSet, 'the task set is not the one of the summary');
  claim.check(
    ids.join() === sound.map(({ task }) => task).join(),
    'the task set holds other tasks than the accepted ones',
  );
  const asked = new Set(model.requests.map(({ prompt }) => prompt)).size;
  claim.check(asked === model.requests.length, 'a call was made twice');
  const defects = records - sound.length;
  const caught = lines.filter((line) => !sound.includes(line) && isRight(line)).length;
  const kinds = new Set(PLANTED.filter(({ reason }) => reason !== '').map(({ kind }) => kind)).size;
  claim.finish(
    `${records} records: ${caught} of ${defects} with a defect of ${kinds} kinds rejected where and why they should be, ${accepted} of ${sound.length} sound ones accepted; ${calls} calls, ${Math.round(run.seconds)} s`,
  );
} finally {
  await rm(scratch, { recursive: true, force: true });
}
