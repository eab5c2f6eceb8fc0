import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { fakeExport, fakeModel, fakePython } from '../../../test/support/training-bed.ts';
import { type TrainingRun, trainingRun } from '../../api/training-run.ts';
import { silentLogger } from '../../base/logger.ts';
import { openFileArtifacts } from '../../store/file-artifacts.ts';
import { readModel } from '../../training/model-manifest.ts';
import { cliEnvironment } from '../environment.ts';
import { modelsInWork } from '../run-outputs/find-in-work.ts';
import { openWorkStore } from '../run-outputs/work-store.ts';
import { statusLine } from '../status-line.ts';
import { executeTraining, type TrainedModel } from './execute-training.ts';

/** A work folder with a model beside it and an export in the store of another run. */
async function bed() {
  const dir = await tempDir();
  await fakeModel(join(dir.path, 'base'));
  const work = join(dir.path, 'work');
  await using earlier = await openWorkStore(join(work, 'earlier'));
  const data = await fakeExport(earlier.artifacts);
  const spec = (part: object = {}) => ({
    base: { path: 'base' },
    data: { artifact: data },
    hyper: { maxSteps: 6 },
    checkpoint: { everySteps: 2, graceSeconds: 5 },
    ...part,
  });
  return { dir, work, data, spec };
}

const run = (spec: object, name = 'sft'): TrainingRun =>
  trainingRun.schema.parse({
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'TrainingRun',
    metadata: { name },
    spec,
  });

async function train(
  object: TrainingRun,
  { dir, work }: Awaited<ReturnType<typeof bed>>,
  { fault = '', out = object.metadata.name, signal = new AbortController().signal } = {},
): Promise<TrainedModel> {
  const trainerPython = await fakePython(dir.path, fault);
  return await executeTraining(object, {
    environment: { ...cliEnvironment(), cwd: dir.path, trainerPython },
    file: join(dir.path, 'run.yaml'),
    clawTasks: [],
    out: join(work, out),
    logger: silentLogger,
    signal,
    progress: statusLine({ interactive: false, columns: () => 80, write: () => undefined }),
    time: { now: () => performance.now(), every: () => () => undefined },
  });
}

const startsOf = async (work: string, name: string): Promise<string[]> =>
  (await readFile(join(work, name, 'trainer/out/starts'), 'utf8')).trim().split('\n');

describe('a supervised run', () => {
  test('ends with a model that knows where it comes from, and is not done again', async () => {
    const b = await bed();
    await using _dir = b.dir;
    const model = await train(run(b.spec({ seed: 7 })), b);
    const [base] = model.manifest.record.parents;
    expect(model.manifest).toMatchObject({
      kind: 'full',
      record: { run: 'sft', contract: 'sft/v1', data: b.data, seed: 7, steps: 6, tokens: 60 },
    });
    expect(model.manifest.record.versions).toEqual({ fake: '1' });
    expect(JSON.stringify(model.manifest)).not.toContain(b.dir.path);
    const artifacts = await openFileArtifacts(join(b.work, 'sft/store/artifacts'));
    expect((await readModel(base ?? model.digest, artifacts)).record.parents).toEqual([]);
    expect(model.rows).toEqual({ in: 2, kept: 2, dropped: { noAnswer: 0 }, cut: 1 });
    const again = await train(run(b.spec({ seed: 7 })), b);
    expect([again.digest, again.rows]).toEqual([model.digest, model.rows]);
    expect(await startsOf(b.work, 'sft')).toEqual(['0']);
    expect((await modelsInWork(b.work)).map(({ digest, from }) => [digest, from.name])).toEqual([
      [model.digest, 'sft'],
    ]);
  });

  test('that its trainer died in goes on from a checkpoint, and ends with the same model', async () => {
    const b = await bed();
    await using _dir = b.dir;
    const whole = await train(run(b.spec()), b);
    const killed = await train(run(b.spec()), b, { out: 'killed', fault: 'kill@5' });
    expect(await startsOf(b.work, 'killed')).toEqual(['0', '4']);
    expect(killed.digest).toBe(whole.digest);
  });

  test('that was stopped writes a checkpoint, and the same command goes on from there', async () => {
    const b = await bed();
    await using _dir = b.dir;
    const whole = await train(run(b.spec()), b);
    const controller = new AbortController();
    const stopped = train(run(b.spec()), b, {
      ...{ out: 'stopped', fault: 'slow:150', signal: controller.signal },
    });
    const metrics = join(b.work, 'stopped/trainer/out/metrics.jsonl');
    await expect
      .poll(() => readFile(metrics, 'utf8').catch(() => ''), { timeout: 20_000 })
      .toContain('"step":1');
    controller.abort(new Error('stopped by a test'));
    await expect(stopped).rejects.toThrow('stopped by a test');
    expect((await train(run(b.spec()), b, { out: 'stopped' })).digest).toBe(whole.digest);
    const [first, second] = await startsOf(b.work, 'stopped');
    expect([first, Number(second) > 0]).toEqual(['0', true]);
  });

  test('that another one goes on from is found by its name beside it', async () => {
    const b = await bed();
    await using _dir = b.dir;
    const first = await train(run(b.spec()), b);
    const next = run(b.spec({ base: { trainingRun: { name: 'sft' } } }), 'more');
    expect((await train(next, b)).manifest.record.parents).toEqual([first.digest]);
  });
});

describe('a run that cannot be', () => {
  test('ends with the words of its trainer, and may be mended under its name', async () => {
    const b = await bed();
    await using _dir = b.dir;
    await expect(train(run(b.spec()), b, { fault: 'exit@3:2' })).rejects.toMatchObject({
      code: 'TrainingFailed',
      message: expect.stringMatching(
        /^TrainingRun sft: BadInput: .*told to end with 2.*trainer.log$/,
      ) as unknown,
    });
    expect(await modelsInWork(b.work)).toEqual([]);
    const mended = run(b.spec({ hyper: { maxSteps: 7 } }));
    expect((await train(mended, b)).manifest.record.steps).toBe(7);
    expect(await startsOf(b.work, 'sft')).toEqual(['0']);
  });

  test('with a trainer that only crashes has as many starts as it may', async () => {
    const b = await bed();
    await using _dir = b.dir;
    const spec = b.spec({ retries: { failures: 1 } });
    await expect(train(run(spec), b, { fault: 'exit@1:1' })).rejects.toThrow(
      /BackoffLimit: exit code 1, after 1 restarts/,
    );
    expect(await startsOf(b.work, 'sft')).toEqual(['0', '0']);
  });

  test.each<[string, object, string]>([
    ['another spec', { seed: 9 }, 'is in this store with another specification'],
    ['no such run', { base: { trainingRun: { name: 'x' } } }, 'no TrainingRun x is complete in'],
    [
      'no such model',
      { base: { artifact: 'ab'.repeat(32) } },
      'spec.base.artifact: model sha256:abab',
    ],
    ['no such data', { data: { artifact: 'ab'.repeat(32) } }, 'is not in this store'],
    ['no such batch', { data: { from: { batches: ['x'] } } }, 'batch x ran nowhere'],
    ['no model there', { base: { path: 'work' } }, 'no *.safetensors'],
  ])('is refused before anything is started: %s', async (what, part, message) => {
    const b = await bed();
    await using _dir = b.dir;
    if (what === 'another spec') await train(run(b.spec()), b);
    const before = await modelsInWork(b.work);
    await expect(train(run(b.spec(part)), b)).rejects.toThrow(message);
    expect(await modelsInWork(b.work)).toEqual(before);
    // Nothing was started for it, and no folder looks as if something had been.
    expect(existsSync(join(b.work, 'sft/trainer/out/starts'))).toBe(what === 'another spec');
    expect(existsSync(join(b.work, 'sft'))).toBe(what === 'another spec');
  });

  test.each<[string, string]>([
    ['nothing', 'result.json is missing'],
    ['half', 'result.json is not JSON'],
    ['elsewhere', 'does not keep to the contract'],
    ['weightless', 'no *.safetensors'],
    ['code', 'pytorch_model.bin can run code'],
    ['link', 'notes.txt is a link'],
  ])('with a trainer that leaves %s makes no model; mended, it does', async (what, message) => {
    const b = await bed();
    await using _dir = b.dir;
    await expect(train(run(b.spec()), b, { fault: `leaves:${what}` })).rejects.toThrow(message);
    expect(await modelsInWork(b.work)).toEqual([]);
    const mended = await train(run(b.spec()), b);
    expect((await modelsInWork(b.work)).map(({ digest }) => digest)).toEqual([mended.digest]);
    expect(mended.manifest.files.map(({ path }) => path)).toContain('model.safetensors');
  });

  test('leaves a folder that was there as it was', async () => {
    const b = await bed();
    await using _dir = b.dir;
    await mkdir(join(b.work, 'sft'));
    const spec = b.spec({ base: { artifact: 'ab'.repeat(32) } });
    await expect(train(run(spec), b)).rejects.toThrow(`models import DIR --out ${b.work}, and`);
    expect(existsSync(join(b.work, 'sft'))).toBe(true);
  });

  test('with data that is no export is refused', async () => {
    const b = await bed();
    await using _dir = b.dir;
    await using store = await openWorkStore(join(b.work, 'other'));
    const { digest } = await store.artifacts.put(Buffer.from('{}'));
    await expect(train(run(b.spec({ data: { artifact: digest } })), b)).rejects.toThrow(
      'is no manifest of messages-tools/v1',
    );
  });

  test('over a base that changed on the disk keeps to what it began with', async () => {
    const b = await bed();
    await using _dir = b.dir;
    await expect(train(run(b.spec()), b, { fault: 'exit@3:4' })).rejects.toThrow('OutOfMemory');
    await writeFile(join(b.dir.path, 'base/model.safetensors'), 'other weights');
    const model = await train(run(b.spec()), b);
    const other = await train(run(b.spec(), 'other'), b);
    expect(other.manifest.record.parents).not.toEqual(model.manifest.record.parents);
  });
});
