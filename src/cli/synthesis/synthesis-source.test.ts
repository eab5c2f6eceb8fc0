import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeRecords } from '../../../test/support/synthesis/written-records.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { openSqliteStore } from '../../store/sqlite/open.ts';
import type { CliEnvironment } from '../environment.ts';
import { recordText } from './record-text.ts';
import { chosenRecords, recordsText } from './records-text.ts';
import { numberOf, recordDetail } from './show-command.ts';
import { clusterReads, openSynthesisSource } from './synthesis-source.ts';

const { signal } = new AbortController();
const environment: CliEnvironment = {
  ...{ cwd: '/', cacheDir: '/nowhere', interactive: false, color: false, uid: 1, env: {} },
  ...{ kubeconfig: undefined, home: '/nowhere', trainerPython: undefined },
  secret: () => undefined,
};

/** A folder of outputs in which `sums` and `rota` ran. */
async function outputs(): Promise<string> {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  for (const name of ['sums', 'rota']) {
    await using store = await openSqliteStore({
      ...{ folder: join(dir.path, name, 'store'), holder: 'test', clock: systemClock },
    });
    await store.planSynthesis({ id: name, specDigest: sha256(name), spec: '{}', createdAt: 1 });
    await writeRecords(store, name);
  }
  return dir.path;
}

const open = (name: string, out: string) => openSynthesisSource(name, { out }, environment, signal);

test('lists the records of a job, from its own folder or from one of several', async () => {
  const out = await outputs();
  for (const place of [out, join(out, 'sums')]) {
    await using source = await open('sums', place);
    expect(recordsText(await source.overviews())).toBe(
      [
        'RECORD   OUTCOME    STAGE   REASON             CALLS   REPAIRS   FROM                        TITLE',
        '1        accepted   -       -                  2       0         persona/nurse               Sort the rota',
        '2        rejected   gates   LazyAboveCeiling   0       1         skill/csv-cleaning,charts   Two\\u{1b}[31mlines',
        '3        open       trial   -                  0       0         persona/nurse',
        '',
      ].join('\n'),
    );
  }
});

test('picks records by stage, and those that were rejected', async () => {
  await using source = await open('sums', await outputs());
  const all = await source.overviews();
  const numbers = (filter: Parameters<typeof chosenRecords>[1]) =>
    chosenRecords(all, filter).map(({ number }) => number);
  expect(numbers({ stage: 'trial' })).toEqual([3]);
  expect(numbers({ stage: 'trial', rejected: true })).toEqual([]);
  expect(numbers({ rejected: true })).toEqual([2]);
  expect(() => numbers({ stage: 'trail' })).toThrow('expected one of draft, resources');
});

test('prints one record with what it was made from, its files and its calls', async () => {
  await using source = await open('rota', await outputs());
  const shown = recordText(await recordDetail(source, 1), source.job.name);
  expect(shown).toBe(`Record:       1 of rota
Outcome:      accepted
Task:         rota-0001 (sha256:${sha256('the task')})
Persona nurse:
  A nurse on a night shift.
Category:     email (name of email)
Operations:
  sort: name of sort
Title:        Sort the rota
Instruction:
  Sort rota.csv
  by date.
Outputs:
  sorted.csv
Files:       PART       BYTES
  rota.csv   input      5
  check.py   verifier   12
Gates:
  nop: Passed
Calls:       ROLE        MODEL   STATUS   INPUT   OUTPUT   SECONDS
  draft      generator   lab     200      30      7        2.5
  verifier   generator   lab     200      30      7        2.5
`);
  const rejected = recordText(await recordDetail(source, 2), source.job.name);
  expect(rejected).toContain(
    'Outcome:      rejected by gates (LazyAboveCeiling)\nMessage:\n  the lazy',
  );
  expect(rejected).toContain('Skills:\n  csv-cleaning: does csv-cleaning\n  charts: does charts\n');
  expect(rejected).toContain('Repairs:\n  make the verifier stricter\n');
  expect(rejected).not.toContain('\u001b');
});

test.each([
  ['12', 12],
  ['0012', 12],
  ['office-tasks-0012', 12],
])('%s means record %i', (given, number) => expect(numberOf(given)).toBe(number));

test.each(['', '0', 'twelve', '1.5'])('%j is no record', (given) => {
  expect(() => numberOf(given)).toThrow('expected the number of a record');
});

test('says what is there, and what to ask next', async () => {
  const out = await outputs();
  await expect(open('totals', out)).rejects.toThrow(
    '"totals" is no SynthesisJob; there are: rota, sums',
  );
  await expect(open('sums', join(out, 'none'))).rejects.toThrow('clawgym run -f FILE makes ./out');
  await using source = await open('sums', out);
  await expect(recordDetail(source, 7)).rejects.toThrow(
    `has no record 7; those that it has: clawgym synthesis records sums --out ${out}`,
  );
  const both = { out, namespace: 'team-a' };
  await expect(openSynthesisSource('sums', both, environment, signal)).rejects.toThrow(
    'one of them',
  );
});

test('a job of a cluster that is not planned yet says where its reasons are', async () => {
  const nothing = async () => expect.fail('asked for');
  const reads = clusterReads(
    {
      ...{ getSynthesis: async () => undefined, listRecordOverviews: nothing },
      ...{ getSynthesisRecord: nothing, listRecordCalls: nothing, stream: nothing },
    },
    { id: 'uid', name: 'sums' },
    'team-a',
  );
  for (const read of [reads.overviews(), reads.record(1), reads.tasks()]) {
    await expect(read).rejects.toThrow('kubectl describe synthesisjob sums --namespace team-a');
  }
});
