import type { Readable } from 'node:stream';
import type { Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import { TRAINING_STATUS_PORT } from '../../protocol/pod-contract.ts';
import type { TrainingFile, TrainingProgress } from '../../protocol/training-api.ts';
import type {
  CheckpointBody,
  PutFile,
  TrainingClaim,
  TrainingResultBody,
} from '../../protocol/training-pod-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { TrainingRecords } from '../../store/training-records.ts';
import { publishModel } from '../../training/model-artifact.ts';
import { type FinishedTraining, modelRecord } from '../../training/model-record.ts';
import { resolveRunSpec } from '../../training/resolve-run-spec.ts';
import { readResult, type TrainingDone } from '../../training/result.ts';
import type { RunSpec } from '../../training/run-spec.ts';
import type { TrainingDesk } from './training-desk.ts';
import { type RunData, readableBy, type StoredTraining } from './training-row.ts';

export interface TrainerDeskDeps {
  readonly desk: TrainingDesk;
  readonly artifacts: Pick<ArtifactStore, 'put' | 'putStream' | 'size' | 'stream'>;
  readonly records: Pick<TrainingRecords, 'addTrainingUpload' | 'trainingUploads'>;
  /** The tasks that reinforcement drew from, and its evaluations. */
  readonly drawn: (
    uid: string,
  ) => Promise<Pick<FinishedTraining, 'taskSet' | 'tasks' | 'evaluations'>>;
  readonly now: () => number;
}

/** Files of a model are at most so large. */
const MAX_FILE_BYTES = 64 * 1024 ** 3;

/**
 * What the trusted containers of a training pod ask (docs/reference/training-pods.md). They hold no
 * secret of the run's own: a pod may name what pods of its run put, and read what the run was frozen to.
 */
export class TrainerDesk {
  readonly #deps: TrainerDeskDeps;

  constructor(deps: TrainerDeskDeps) {
    this.#deps = deps;
  }

  async claim(uid: string): Promise<TrainingClaim> {
    const stored = await this.#deps.desk.get(uid);
    refuseOver(stored);
    const { inputs, data } = stored;
    return {
      runSpec: runSpecOf(stored),
      inputs: inputs.folders,
      ...(data.checkpoint && { checkpoint: data.checkpoint }),
      maxFileBytes: MAX_FILE_BYTES,
    };
  }

  /** Throws `Forbidden` for what the run does not name. */
  async read(
    uid: string,
    digest: Sha256,
  ): Promise<{ readonly size: number; readonly stream: Readable }> {
    const { artifacts, desk } = this.#deps;
    if (!readableBy(await desk.get(uid)).has(digest)) {
      throw new ClawError('Forbidden', `NotNamed: the run does not name artifact ${digest}`);
    }
    const size = await artifacts.size(digest);
    if (size === undefined) throw new ClawError('NotFound', `no artifact ${digest} in this store`);
    return { size, stream: await artifacts.stream(digest) };
  }

  async put(uid: string, body: Readable): Promise<PutFile> {
    const { artifacts, desk, records } = this.#deps;
    refuseOver(await desk.get(uid));
    const { digest, size } = await artifacts.putStream(body, { maxBytes: MAX_FILE_BYTES });
    await records.addTrainingUpload(uid, digest);
    return { sha256: digest, size };
  }

  async progress(uid: string, told: TrainingProgress): Promise<void> {
    const progressAt = this.#deps.now();
    await this.#deps.desk.change(uid, ({ data }) =>
      data.end === undefined
        ? { ...data, progress: { ...data.progress, ...told }, progressAt }
        : data,
    );
  }

  /** A checkpoint of fewer steps than the one that is kept is an old one. */
  async checkpoint(uid: string, { step, files }: CheckpointBody): Promise<void> {
    await this.#refuseForeign(uid, files);
    const { desk } = this.#deps;
    await desk.change(uid, ({ data }) => {
      const older = data.checkpoint !== undefined && data.checkpoint.step > step;
      return data.end !== undefined || older ? data : { ...data, checkpoint: { step, files } };
    });
    await desk.letGo(uid);
  }

  async result(uid: string, body: TrainingResultBody): Promise<void> {
    const { desk } = this.#deps;
    const result = readResult(body.result, 'result.json');
    if (result.status === 'failed') {
      const said = result.message.slice(0, 4000);
      await desk.change(uid, ({ data }) => (data.end === undefined ? { ...data, said } : data));
      return;
    }
    await this.#refuseForeign(uid, body.files);
    await desk.change(uid, async (stored) =>
      stored.data.end === undefined
        ? await this.#complete(stored, result, body.files)
        : stored.data,
    );
    await desk.letGo(uid);
  }

  async #complete(
    stored: StoredTraining,
    result: TrainingDone,
    given: readonly TrainingFile[],
  ): Promise<RunData> {
    const { row, spec, inputs, data } = stored;
    const files = given.map(({ path, size, sha256 }) => ({ path, bytes: size, digest: sha256 }));
    const { base, image } = inputs;
    const about = { name: row.name, spec: runSpecOf(stored), base, data: inputs.data, image };
    const drawn = spec.rl === undefined ? {} : await this.#deps.drawn(row.uid);
    const record = modelRecord({ ...about, ...drawn, result });
    const model = await publishModel('of the trainer', files, record, this.#deps.artifacts);
    const { steps, tokens, loss, rows } = result;
    const last = loss?.last;
    return {
      ...data,
      progress: {
        ...data.progress,
        step: steps,
        totalSteps: steps,
        ...(tokens !== undefined && { tokens }),
        ...(last !== undefined && { loss: last }),
      },
      progressAt: this.#deps.now(),
      ...(rows && { rows: { ...rows, dropped: sum(rows.dropped) } }),
      end: { state: 'complete', model: model.digest },
      endedAt: this.#deps.now(),
      modelFiles: [...new Set(files.map(({ digest }) => digest))],
    };
  }

  /** The store is one for all namespaces: knowing a digest must not give its bytes. */
  async #refuseForeign(uid: string, files: readonly TrainingFile[]): Promise<void> {
    const { artifacts, desk, records } = this.#deps;
    const put = await records.trainingUploads(uid);
    const stored = await desk.get(uid);
    const kept = new Set([...readableBy(stored), ...(stored.data.modelFiles ?? [])]);
    for (const { path, size, sha256 } of files) {
      if (!put.has(sha256) && !kept.has(sha256)) {
        throw new ClawError('InvalidInput', `NotPut: ${path}: no pod of this run put ${sha256}`);
      }
      if ((await artifacts.size(sha256)) !== size) {
        throw new ClawError('InvalidInput', `${path}: ${sha256} has not ${size} bytes`);
      }
    }
  }
}

function runSpecOf({ row, spec }: StoredTraining): RunSpec {
  const batches = { url: `http://127.0.0.1:${TRAINING_STATUS_PORT}` };
  return resolveRunSpec(spec, { run: row.uid, name: row.name, device: 'auto', batches });
}

function refuseOver({ data, row }: StoredTraining): void {
  if (data.end === undefined) return;
  throw new ClawError('Fenced', `TrainingRun ${row.name} has ended (${data.end.state})`, {
    details: { reason: 'RunOver' },
  });
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((all, count) => all + count, 0);
