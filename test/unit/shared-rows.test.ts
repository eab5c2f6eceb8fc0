import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { clawGymFolder } from '../../src/tasks/export/clawgym-directory.ts';
import { clawGymRow } from '../../src/tasks/export/clawgym-jsonl.ts';
import { harborFolder } from '../../src/tasks/export/harbor.ts';
import { writeFolder } from '../../src/tasks/export/write-folder.ts';
import { DEFAULT_IMPORT_LIMITS } from '../../src/tasks/import/import-limits.ts';
import { loadTaskSet } from '../../src/tasks/load-task-set.ts';
import type { TaskSet } from '../../src/tasks/task-set.ts';
import { agentCodeScanner } from '../../src/verifiers/scan-agent-code.ts';
import { sharedData } from '../support/shared-data.ts';
import { tempDir } from '../support/temp-dir.ts';

const data = sharedData();
const onData = test.skipIf(data === undefined);
const options = {
  scanAgentCode: agentCodeScanner,
  limits: DEFAULT_IMPORT_LIMITS,
  signal: new AbortController().signal,
  image: 'debian:12',
};
const load = (path: string) => loadTaskSet(path, options);
const digests = (set: TaskSet): Record<string, string> =>
  Object.fromEntries(set.tasks.map(({ task, digest }) => [task.id, digest]));

const SOURCES = [
  ['clawgym_eval.dev.jsonl', 125],
  ['clawgym_train.dev.jsonl', 200],
  ['pinchbench-dev', 97],
] as const;

onData.each(SOURCES)(
  '%s keeps the digest of every task over each export and import',
  async (name, tasks) => {
    await using dir = await tempDir();
    const { set } = await load(join(data ?? '', name));
    expect(set.tasks).toHaveLength(tasks);
    await mkdir(join(dir.path, 'rows'));
    const rows = [];
    for (const { task } of set.tasks) {
      rows.push(await clawGymRow(task, set.blobs, options));
      await writeFolder(
        join(dir.path, 'clawgym', task.id),
        await clawGymFolder(task, set.blobs, options),
      );
      await writeFolder(
        join(dir.path, 'harbor', task.id),
        await harborFolder(task, set.blobs, options),
      );
    }
    await writeFile(join(dir.path, 'rows.jsonl'), `${rows.join('\n')}\n`);
    for (const exported of ['rows.jsonl', 'clawgym', 'harbor']) {
      const back = await load(join(dir.path, exported));
      expect(back.problems).toEqual([]);
      expect(digests(back.set)).toEqual(digests(set));
    }
  },
  120_000,
);

onData('a plain row needs no extension: the exported folder is the upstream layout', async () => {
  const { set } = await load(join(data ?? '', 'clawgym_eval.dev.jsonl'));
  for (const { task } of set.tasks) {
    const files = await clawGymFolder(task, set.blobs, options);
    const entry: unknown = JSON.parse(Buffer.from(files[0]?.content ?? '').toString());
    expect(Object.keys(entry as object).toSorted()).toEqual([
      'input_mount_dir',
      'metadata',
      'task_id',
      'user_query',
    ]);
  }
});

onData(
  'inputs that the evaluation tasks ask to edit are editable, all others protected',
  async () => {
    const { set } = await load(join(data ?? '', 'clawgym_eval.dev.jsonl'));
    const editable = set.tasks.flatMap(({ task }) => {
      const paths = task.workspace.inputs
        .filter(({ mode }) => mode === 'editable')
        .map(({ path }) => path);
      return paths.length > 0 ? [[task.id, paths.toSorted().join(' ')]] : [];
    });
    // Read against the 125 instructions by hand; task_0176 asks to edit a file "if it does not" fit,
    // by a pronoun, which no rule here finds: an overlay is the place for it.
    expect(Object.fromEntries(editable)).toEqual({
      task_0012: 'input/config.json scripts/run_sim.py',
      task_0015: 'input/schedule.yaml',
      task_0024: 'config/newsletter_config.json scripts/report_script.py',
      task_0029: 'docs/business_plan.md',
      task_0038: 'notes/retreat_calendar.md scheduler/config.yaml',
      task_0042: 'input/config/bioindexer.yaml input/system/bioindexer.service',
      task_0043: 'input/settings.yaml',
      task_0045: 'src/constants.py',
      task_0062: 'config/settings.json',
      task_0072: 'config/tasks.yaml',
      task_0102: 'config/workshop.yaml',
      task_0106: 'config/workshop_config.json',
      task_0119: 'analysis/metrics.py ci/pipeline.json',
      task_0130: 'config/config.yaml src/risk_metrics.py',
      task_0134: 'docs/Follow-Up.md',
      task_0136: 'docs/DEPLOYMENT_PLAN.md',
      task_0169: 'config/trip.yaml docs/packing_checklist.md',
      task_0173: 'config/app.json',
      task_0175: 'input/scripts/router.py',
    });
  },
);
