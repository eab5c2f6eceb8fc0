import { onTestFinished } from 'vitest';
import { asBatchId, type Sha256 } from '../../../src/base/brand.ts';
import { canonicalJson } from '../../../src/base/canonical-json.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { sha256 } from '../../../src/base/digest.ts';
import type { PlanRlBody, RlState } from '../../../src/protocol/rl-api.ts';
import { RlDesk } from '../../../src/server/training/rl/rl-desk.ts';
import { openSqliteClusterStore } from '../../../src/store/sqlite/open.ts';
import type { TaskSet } from '../../../src/tasks/task-set.ts';
import type { Trained } from '../../../src/training/rl/step-notes.ts';
import { MemoryArtifacts } from '../memory-artifacts.ts';
import { type Played, playBatch } from '../played-batch.ts';
import { tempDir } from '../temp-dir.ts';
import { sampleRl, sampleTrainingRun } from '../training-samples.ts';

export const RUN = 'uid-of-the-run';
const TASKS = ['a', 'b', 'c', 'd'];

type Json = Record<string, unknown>;

/** The spec of a small reinforcement run, with defaults where the schema has them. */
export function rlSpec(part: Json = {}): Json {
  const rl = sampleRl({
    ...{ steps: 2, tasks: { digest: sha256('set') }, groups: { perStep: 2, samples: 2 } },
    ...part,
  });
  const empty = { hyper: {}, checkpoint: {}, context: {}, retries: {} };
  const { spec } = sampleTrainingRun({ rl, ...empty, seed: 3 });
  const { data: _data, ...rest } = spec as Json;
  return rest;
}

const TEMPLATE = Buffer.from('{{ messages }}');
const TOKENIZER = Buffer.from('{"model":{}}');

async function baseModel(artifacts: MemoryArtifacts): Promise<Sha256> {
  const files = [
    ['chat_template.jinja', TEMPLATE],
    ['config.json', Buffer.from('{}')],
    ['model.safetensors', Buffer.from('weights of the base')],
    ['tokenizer.json', TOKENIZER],
  ] as const;
  const kept = [];
  for (const [path, bytes] of files) {
    const { digest, size } = await artifacts.put(bytes);
    kept.push({ path, digest, bytes: size });
  }
  const manifest = {
    ...{ format: 'model/v1', kind: 'full', files: kept },
    template: { path: 'chat_template.jinja', sha256: sha256(TEMPLATE) },
    tokenizer: { sha256: sha256(TOKENIZER) },
    record: { versions: {}, parents: [] },
  };
  return (await artifacts.put(Buffer.from(canonicalJson(manifest)))).digest;
}

/** The files of a policy version as a trainer writes them, and the word that it says of it. */
export function policyFiles(version: number, tokenizer = TOKENIZER) {
  const files = [
    ['chat_template.jinja', TEMPLATE],
    ['config.json', Buffer.from('{}')],
    ['model.safetensors', Buffer.from(`weights of version ${version}`)],
    ['tokenizer.json', tokenizer],
  ] as const;
  const listed = files.map(([path, bytes]) => ({
    ...{ path, size: bytes.length, sha256: sha256(bytes) },
  }));
  const ready = Buffer.from(canonicalJson({ files: listed }));
  const word: Trained = {
    ...{ policyVersion: version, path: `/out/policy/v-${version}`, metrics: { loss: 0.25 } },
    manifestSha256: sha256(ready),
  };
  return { files: [...files, ['READY', ready] as const], word };
}

/** A coordinator of reinforcement over a real store; nothing else of a cluster is there. */
export async function rlBed() {
  const dir = await tempDir();
  const artifacts = new MemoryArtifacts();
  const store = await openSqliteClusterStore({
    ...{ folder: dir.path, holder: 'test', clock: systemClock, survives: 'process' },
  });
  onTestFinished(async () => {
    await store[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  const base = await baseModel(artifacts);
  /** What pods of the run put. */
  const put = new Set<Sha256>();
  const set = { digest: sha256('set'), tasks: TASKS.map((id) => ({ task: { id } })) };
  const resolve = () => Promise.resolve(set as unknown as TaskSet);
  const isOwn = (_uid: string, digest: Sha256) => Promise.resolve(put.has(digest));
  const open = () =>
    new RlDesk({ store, artifacts, resolve, isOwn, clock: systemClock, pollMs: 50 });
  const body = (spec: Json = rlSpec()): PlanRlBody => ({
    ...{ namespace: 'team', name: 'rl', spec, base },
    tasks: { kind: 'digest', digest: sha256('set') },
  });
  const upload = async (bytes: Uint8Array): Promise<void> => {
    put.add((await artifacts.put(bytes)).digest);
  };
  return {
    ...{ artifacts, store, base, body, open, upload, dir: dir.path },
    /** Plays the batch that is wanted: first sample 1, the others 0, unless told otherwise. */
    play: async (
      desk: RlDesk,
      { wanted }: RlState,
      score: (sample: number) => number | undefined = (sample) => (sample === 0 ? 1 : 0),
      uid = `uid-${wanted?.part}`,
    ): Promise<void> => {
      const { samples = 0, taskIds = TASKS, part = '' } = wanted ?? {};
      const rollouts = taskIds.flatMap((task) =>
        Array.from({ length: samples }, (_, sample): Played => {
          const given = score(sample);
          return given === undefined ? { task, outcome: 'infra_error' } : { task, score: given };
        }),
      );
      await playBatch(asBatchId(uid), rollouts, store, artifacts);
      await desk.batchMade(RUN, part, uid);
    },
    putPolicy: async (version: number, tokenizer?: Buffer<ArrayBuffer>): Promise<Trained> => {
      const { files, word } = policyFiles(version, tokenizer);
      for (const [, bytes] of files) await upload(bytes);
      return word;
    },
  };
}
