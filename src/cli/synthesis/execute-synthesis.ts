import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { canonicalJson } from '../../base/canonical-json.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import { hostMemoryFacts, memoryScratchFolder } from '../../engines/local/memory-scratch.ts';
import { ensureGradePrograms } from '../../phases/grade-programs.ts';
import type { SynthesisJobRow, SynthesisRecords } from '../../store/synthesis-records.ts';
import { acceptedTasks } from '../../synthesis/accepted-tasks.ts';
import { JobRunner } from '../../synthesis/job-runner.ts';
import { ModelCaller } from '../../synthesis/model-caller.ts';
import { NoveltyIndex } from '../../synthesis/novelty/novelty-index.ts';
import { loadPrompts, PROMPT_VERSIONS } from '../../synthesis/prompts.ts';
import type { SynthesisRecord } from '../../synthesis/record.ts';
import { sampleRecord } from '../../synthesis/sample.ts';
import { loadSeeds } from '../../synthesis/seeds/load-seeds.ts';
import { type SynthesisSummary, synthesisSummary } from '../../synthesis/summary.ts';
import { writeTaskSet } from '../../tasks/set/write-task-set.ts';
import type { ExecuteOptions } from '../execute-run.ts';
import { keepTaskSet } from '../keep-task-set.ts';
import { loadTasks } from '../load-tasks.ts';
import { openHostSandbox } from '../local-host.ts';
import { type LocalSession, openLocalSession } from '../local-session.ts';
import { openAhead } from '../open-ahead.ts';
import { changesText } from '../refuse-other-spec.ts';
import { sandboxNode } from '../sandbox-node.ts';
import { isStop } from '../stop-signal.ts';
import { LocalGates } from './local-gates.ts';
import { acceptedTasksPath, recordsPath, summaryPath } from './output-files.ts';
import { openRoleModels } from './role-models.ts';
import { startSynthesisProgress } from './synthesis-progress.ts';
import type { SynthesisRequest } from './synthesis-request.ts';

export interface ExecuteSynthesisOptions extends ExecuteOptions {
  /** Ask each endpoint for one answer before the first record. */
  readonly modelCheck: boolean;
}

/**
 * Runs a synthesis to its end or to the signal and writes summary, records and, once it has ended, the
 * accepted tasks.
 */
export async function executeSynthesis(
  request: SynthesisRequest,
  options: ExecuteSynthesisOptions,
): Promise<SynthesisSummary> {
  const { environment, logger, signal, out } = options;
  await using opening = openAhead((stop) => openHostSandbox(environment, logger, stop), signal);
  const seeds = await loadSeeds(request.sources);
  const prompts = await loadPrompts();
  const { index, digests } = await compared(request.against, options);
  const models = await openRoleModels(request.models, options);
  const sandbox = await opening.value;
  const { cacheDir, uid, env } = environment;
  const programsDir = await ensureGradePrograms({ cacheDir, sandbox, signal });
  const nodeVersion = process.versions.node;
  const nodePath = await sandboxNode(process.execPath, nodeVersion, cacheDir, uid);
  await using session = await openLocalSession({
    ...{ out, sandbox, programsDir, logger, signal },
    memoryFolder: memoryScratchFolder(hostMemoryFacts()),
    upstreams: new Map(),
  });
  const { store, artifacts, engine } = session;
  const job = request.name;
  const spec = canonicalJson({
    ...{ seed: request.seed, target: request.target, rules: request.rules, rubric: request.rubric },
    ...{ lazyCeiling: request.lazyCeiling, maxSimilarity: request.maxSimilarity },
    ...{ against: digests, seeds: sha256(canonicalJson(seeds)), prompts: PROMPT_VERSIONS },
    models: models.identity,
  });
  const createdAt = systemClock.now();
  await planJob(store, { id: job, specDigest: sha256(spec), spec, createdAt }, out);
  const before = await store.listSynthesisCalls(job);
  const caller = new ModelCaller({
    ...{ job, store, artifacts, clock: systemClock, models: models.byRole },
    maxTokens: request.maxTokens,
    usedTokens: before.reduce((sum, call) => sum + call.inputTokens + call.outputTokens, 0),
  });
  const host = { nodePath, nodeVersion, env };
  const gates = new LocalGates({ engine, store, artifacts, host, clock: systemClock });
  const runner = new JobRunner({
    ...{ job, store, index, logger, clock: systemClock },
    ...{ target: request.target, maxRecords: request.maxRecords },
    maxSimilarity: request.maxSimilarity,
    parallelism: request.parallelism ?? availableParallelism(),
    sample: (number) => sampleRecord(seeds, request.rules, number),
    stages: {
      ...{ job, caller, prompts, gates, rubric: request.rubric },
      bounds: { lazyCeiling: request.lazyCeiling },
    },
    changed: () => undefined,
  });
  const failure = await runJob(runner, request, options);
  const summary = await writeOutput(request, runner.records(), caller.exhausted, session, options);
  if (failure !== undefined) throw failure.thrown;
  return summary;
}

/** Throws `Conflict` where the folder holds the job with other settings. */
async function planJob(store: SynthesisRecords, job: SynthesisJobRow, out: string): Promise<void> {
  const known = await store.getSynthesis(job.id);
  if (known === undefined || known.specDigest === job.specDigest) {
    await store.planSynthesis(job);
    return;
  }
  const changes = changesText(known.spec, job.spec);
  throw new ClawError(
    'Conflict',
    `${out} holds the synthesis ${job.id} with other settings (${changes}). Tasks of different settings are never mixed: name another folder with --out, or use the settings of that run again to continue it`,
  );
}

/** The sets that tasks are compared with, and what they were. */
async function compared(paths: readonly string[], { logger, signal }: ExecuteSynthesisOptions) {
  const index = new NoveltyIndex();
  const digests: string[] = [];
  for (const path of paths) {
    await using tasks = await loadTasks(
      { path, ids: undefined, skipInvalid: true },
      logger,
      signal,
    );
    digests.push(tasks.whole.digest);
    for (const { task } of tasks.whole.tasks) {
      const text = task.instruction.turns.map((turn) => turn.text).join('\n');
      index.add(`${task.id} of ${path}`, text);
    }
  }
  return { index, digests };
}

/** Resolves to what broke the run; a stop breaks nothing. */
async function runJob(
  runner: JobRunner,
  { target }: SynthesisRequest,
  { signal, progress, time }: ExecuteSynthesisOptions,
): Promise<{ readonly thrown: unknown } | undefined> {
  const shown = startSynthesisProgress(target, () => runner.records(), progress, time);
  try {
    await runner.run(signal);
    return undefined;
  } catch (thrown) {
    return isStop(thrown, signal) ? undefined : { thrown };
  } finally {
    shown.stop();
  }
}

async function writeOutput(
  request: SynthesisRequest,
  records: readonly SynthesisRecord[],
  exhausted: boolean,
  { store, artifacts }: LocalSession,
  { out, signal: stopped }: ExecuteSynthesisOptions,
): Promise<SynthesisSummary> {
  const { name, target } = request;
  const calls = await store.listSynthesisCalls(name);
  const counts = { name, target, records, calls, exhausted };
  let summary = synthesisSummary({ ...counts, taskSet: undefined });
  if (summary.ended !== undefined && summary.accepted > 0) {
    // The end of the job is near enough to be waited for, also after a stop.
    const { signal } = stopped.aborted ? new AbortController() : { signal: stopped };
    const models = { generator: request.models.generator.name, judge: request.models.judge.name };
    const { seed } = request;
    const { entries, blobs } = acceptedTasks(records, { job: name, seed, models });
    const { digest } = await writeTaskSet(acceptedTasksPath(out), entries, blobs, signal);
    await keepTaskSet(artifacts, { digest, tasks: entries, blobs }, signal);
    summary = synthesisSummary({ ...counts, taskSet: digest });
  }
  const lines = records.map((record) => canonicalJson(recordLine(record)));
  await writeFile(recordsPath(out), lines.map((line) => `${line}\n`).join(''));
  await writeFile(summaryPath(out), `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}

/** How one record ended, for people and programs. */
function recordLine({ number, stage, data }: SynthesisRecord): object {
  const { task, calls, repairs, rejection } = data;
  const { stage: rejectedBy, reason, message } = rejection ?? {};
  return { number, stage, task, calls, repairs: repairs.length, rejectedBy, reason, message };
}
