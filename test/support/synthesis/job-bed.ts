import { asSha256 } from '../../../src/base/brand.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { renderJson } from '../../../src/gateway/render-completion.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../../../src/gateway/upstream.ts';
import type { SynthesisRecords } from '../../../src/store/synthesis-records.ts';
import type { GateRunner } from '../../../src/synthesis/gate-runner.ts';
import { JobRunner, type JobRunnerOptions } from '../../../src/synthesis/job-runner.ts';
import { ModelCaller } from '../../../src/synthesis/model-caller.ts';
import { NoveltyIndex } from '../../../src/synthesis/novelty/novelty-index.ts';
import { loadPrompts } from '../../../src/synthesis/prompts.ts';
import { sampleRecord } from '../../../src/synthesis/sample.ts';
import { loadSeeds } from '../../../src/synthesis/seeds/load-seeds.ts';
import { ManualClock } from '../manual-clock.ts';
import type { MemoryArtifacts } from '../memory-artifacts.ts';
import { fallibleGenerator } from './fallible-generator.ts';
import { PLAYED_GATES } from './played-gates.ts';

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
      ...{ job: 'job', caller, prompts, gates: options.gates ?? PLAYED_GATES },
      ...{ bounds: {}, rubric: true },
    },
    index: new NoveltyIndex(),
    changed: () => undefined,
  };
  await store.planSynthesis({ id: 'job', specDigest: DIGEST, spec: '{}', createdAt: 0 });
  return new JobRunner(runner);
}
