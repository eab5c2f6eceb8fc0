import { asSha256 } from '../../../src/base/brand.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { renderJson } from '../../../src/gateway/render-completion.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../../../src/gateway/upstream.ts';
import { CHEAT_BOUNDS } from '../../../src/rollouts/cheat-bounds.ts';
import type { GateRun } from '../../../src/rollouts/gates/gate-runs.ts';
import type { Line, RunRows } from '../../../src/rollouts/gates/verdict.ts';
import type { SynthesisRecords } from '../../../src/store/synthesis-records.ts';
import type { GateReport, GateRunner } from '../../../src/synthesis/gate-runner.ts';
import { JobRunner, type JobRunnerOptions } from '../../../src/synthesis/job-runner.ts';
import { ModelCaller } from '../../../src/synthesis/model-caller.ts';
import { NoveltyIndex } from '../../../src/synthesis/novelty/novelty-index.ts';
import { loadPrompts } from '../../../src/synthesis/prompts.ts';
import { sampleRecord } from '../../../src/synthesis/sample.ts';
import { loadSeeds } from '../../../src/synthesis/seeds/load-seeds.ts';
import { ManualClock } from '../manual-clock.ts';
import type { MemoryArtifacts } from '../memory-artifacts.ts';
import { fallibleGenerator } from './fallible-generator.ts';

const DIGEST = asSha256('0'.repeat(64));

/** Answers of the fallible generator, without HTTP; `status` may refuse a prompt. */
export class FallibleUpstream implements Upstream {
  readonly name = 'fallible';
  readonly prompts: string[] = [];
  /** Told before each answer; may throw, or give a status other than 200. */
  before: (prompt: string) => number | undefined = () => undefined;

  async chat({ body }: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    signal.throwIfAborted();
    const { messages } = JSON.parse(new TextDecoder().decode(body)) as {
      messages: { content: string }[];
    };
    const prompt = messages[0]?.content ?? '';
    const status = this.before(prompt) ?? 200;
    signal.throwIfAborted();
    this.prompts.push(prompt);
    const { content, usage } = fallibleGenerator(prompt);
    const counted = usage ?? { inputTokens: 0, outputTokens: 0 };
    const answer = { id: 'a', model: 'm', created: 0, content, usage: counted };
    return { status, headers: {}, body: once(renderJson(answer)) };
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Every candidate passes every gate. */
export const SOUND_GATES: GateRunner = {
  run: async (_candidate, plans): Promise<GateReport> => {
    const runs: Partial<Record<GateRun, RunRows>> = {};
    for (const { run, samples } of plans) {
      const score = run === 'solution' ? 1 : 0;
      const rows = Array.from({ length: Math.min(samples, CHEAT_BOUNDS.length) }, (_, sample) =>
        line(sample, score),
      );
      runs[run] = { kind: 'rows', rows, place: 'here' };
    }
    return { runs, notes: [] };
  },
};

function line(sample: number, score: number): Line {
  const common = { sample, outcome: 'scored', reason: '', checks: DIGEST, findings: [] };
  return { ...common, flat: score, final: score, allZero: score === 0 };
}

const RULES = { seed: 5, personas: { weight: 1, operations: 2 } };
const seeds = await loadSeeds();
const prompts = await loadPrompts();

export interface BedOptions {
  readonly store: SynthesisRecords;
  readonly artifacts: MemoryArtifacts;
  readonly upstream: FallibleUpstream;
  readonly records: number;
  readonly target?: number;
  readonly parallelism?: number;
  readonly maxTokens?: number;
  readonly gates?: GateRunner;
}

/** A runner over what an earlier one may have left; of the job `job`. */
export async function openRunner(options: BedOptions): Promise<JobRunner> {
  const { store, artifacts, upstream, records, target = records } = options;
  const clock = new ManualClock();
  const model = { name: 'fallible', upstream, sampling: {} };
  const calls = await store.listSynthesisCalls('job');
  const caller = new ModelCaller({
    ...{ job: 'job', store, artifacts, clock, maxTokens: options.maxTokens },
    models: { generator: model, judge: model },
    usedTokens: calls.reduce((sum, each) => sum + each.inputTokens + each.outputTokens, 0),
  });
  const runner: JobRunnerOptions = {
    ...{ job: 'job', target, maxRecords: records, maxSimilarity: 0.7 },
    ...{ parallelism: options.parallelism ?? 3, store, clock, logger: silentLogger },
    sample: (number) => sampleRecord(seeds, RULES, number),
    stages: {
      ...{ job: 'job', caller, prompts, gates: options.gates ?? SOUND_GATES },
      ...{ bounds: {}, rubric: true },
    },
    index: new NoveltyIndex(),
    changed: () => undefined,
  };
  await store.planSynthesis({ id: 'job', specDigest: DIGEST, spec: '{}', createdAt: 0 });
  return new JobRunner(runner);
}
