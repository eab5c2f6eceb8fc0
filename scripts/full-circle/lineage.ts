import type { Sha256 } from '../../src/base/brand.ts';
import { findTrained } from '../../src/cli/run-outputs/find-in-work.ts';
import { openWorkFolder } from '../../src/cli/run-outputs/work-store.ts';
import { type ModelManifest, readModel } from '../../src/training/model-manifest.ts';
import { demonstrations, practice, type UsedAttempt } from './lineage-rollouts.ts';
import { LineageStores } from './lineage-stores.ts';
import { type Origin, taskOrigins } from './lineage-tasks.ts';

/** What a model was made from, and what of that could not be found. */
export interface Lineage {
  readonly lines: readonly string[];
  readonly problems: readonly string[];
}

/**
 * Walks from the model that a run of a work folder ended with to the personas and skills that its tasks were
 * made from: models, exports and token batches, rollouts, attempts and calls, tasks and the calls that
 * wrote them. Everything that is named on the way must be there.
 */
export async function circleLineage(work: string, run: string): Promise<Lineage> {
  const found = await findTrained(work, run);
  if (found === undefined) return { lines: [], problems: [`no TrainingRun ${run} in ${work}`] };
  await using folder = await openWorkFolder(work);
  return await walkLineage(new LineageStores(folder.stores), found.digest);
}

/** The same from a model's digest, in any stores. */
export async function walkLineage(stores: LineageStores, model: Sha256): Promise<Lineage> {
  const walk = new Walk(stores);
  await walk.model(model);
  return walk;
}

class Walk implements Lineage {
  readonly lines: string[] = [];
  readonly problems: string[] = [];
  readonly #stores: LineageStores;

  constructor(stores: LineageStores) {
    this.#stores = stores;
  }

  async model(digest: Sha256): Promise<void> {
    const artifacts = await this.#stores.holding(digest);
    if (artifacts === undefined) {
      this.problems.push(`model ${digest} is in no store`);
      return;
    }
    const manifest = await readModel(digest, artifacts);
    const { record, files } = manifest;
    const by = record.run === undefined ? 'imported' : `TrainingRun ${record.run}`;
    this.lines.push(`model ${short(digest)} ${by}, ${files.length} files`);
    for (const file of files) {
      if ((await artifacts.size(file.digest)) !== file.bytes)
        this.problems.push(`${file.path} of model ${short(digest)} is not there`);
    }
    await this.#made(manifest);
    for (const parent of record.parents) await this.model(parent);
  }

  async #made({ record }: ModelManifest): Promise<void> {
    const { data, taskSet, run } = record;
    if (data !== undefined) {
      const used = await demonstrations(this.#stores, data, this.problems);
      this.lines.push(`  learned from export ${short(data)}: ${counts(used)}`);
      await this.#tasks(used);
    }
    if (taskSet !== undefined && run !== undefined) {
      const used = await practice(this.#stores, run, taskSet, this.problems);
      this.lines.push(`  learned from its own rollouts: ${counts(used)}`);
      await this.#tasks(used);
    }
  }

  async #tasks(used: readonly UsedAttempt[]): Promise<void> {
    if (used.length === 0) this.problems.push('a model was trained on nothing that is recorded');
    const origins = await taskOrigins(this.#stores, used, this.problems);
    this.lines.push(`    tasks from ${seeds(origins)}`);
    const [first] = used;
    const origin = first && origins.get(first.task);
    if (first === undefined || origin === undefined) return;
    this.lines.push(
      `    for example call ${first.calls[0] ?? ''} of attempt ${first.attempt}`,
      `      of task ${origin.id} (${short(first.task)}), written by calls ${origin.calls.join(', ')}`,
      `      for ${origin.kind} ${origin.seed}`,
    );
  }
}

const short = (digest: string): string => digest.slice(0, 12);

function counts(used: readonly UsedAttempt[]): string {
  const calls = used.reduce((sum, one) => sum + one.calls.length, 0);
  const tasks = new Set(used.map(({ task }) => task)).size;
  return `${used.length} attempts with ${calls} calls at ${tasks} tasks`;
}

function seeds(origins: ReadonlyMap<Sha256, Origin>): string {
  const of = (kind: Origin['kind']) =>
    new Set([...origins.values()].filter((one) => one.kind === kind).map(({ seed }) => seed)).size;
  const calls = [...origins.values()].reduce((sum, one) => sum + one.calls.length, 0);
  return `${of('persona')} personas and ${of('skill')} primary skills, written by ${calls} calls`;
}
