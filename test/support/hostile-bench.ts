import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { commandAgent } from '../../src/agents/command.ts';
import { asBatchId } from '../../src/base/brand.ts';
import { sha256 } from '../../src/base/digest.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { armKind } from '../../src/bench/arm-kind.ts';
import { loadArm } from '../../src/bench/load-arm.ts';
import type { Results } from '../../src/bench/results.ts';
import { zResults } from '../../src/bench/results.ts';
import type { ArmFacts, TaskFacts } from '../../src/bench/run-facts.ts';
import { writeOutput } from '../../src/bench/write-output.ts';
import { batchPlans } from '../../src/cli/batch-plans.ts';
import { type LocalSession, openLocalSession } from '../../src/cli/local-session.ts';
import { answersOf } from '../../src/cli/prepare-arms.ts';
import type { ArmRequest, RunRequest } from '../../src/cli/run-request.ts';
import type { Upstream } from '../../src/gateway/upstream.ts';
import { DEFAULT_SNAPSHOT_CAPS } from '../../src/phases/snapshot-caps.ts';
import type { EpisodeBudgets, SandboxDefaults } from '../../src/server/planning/batch-settings.ts';
import { DEFAULT_SANDBOX } from '../../src/server/planning/default-sandbox.ts';
import type { RolloutDecision, VerificationRow } from '../../src/store/records.ts';
import type { TaskSet } from '../../src/tasks/task-set.ts';
import { HostWatch } from './host-watch.ts';
import { type HostileTask, hostileTaskSet } from './hostile-tasks.ts';
import { openTestSandbox, scratchFolder, TEST_UID, testProgramsDir } from './sandbox-host.ts';

export interface Attack {
  /** [a-z0-9-]; the arm's name, and the mark to look for in process lists. */
  readonly name: string;
  /** Bash. */
  readonly script: string;
  readonly task?: HostileTask | TaskSet;
  readonly budgets?: EpisodeBudgets;
  readonly limits?: Partial<SandboxDefaults>;
  /** Samples what the workspace takes on the disk; for few files only. */
  readonly weigh?: boolean;
  /** Rollouts of it, all at a time; the first is looked at. */
  readonly samples?: number;
  /** Answers the model link; absent: no link. */
  readonly upstream?: Upstream;
}

/** Everything that is looked at after an attack. */
export interface Aftermath {
  readonly decision: RolloutDecision;
  readonly codes: readonly string[];
  readonly tries: number;
  readonly verifications: readonly VerificationRow[];
  readonly stdout: string;
  /** Wall seconds from plan to decision. */
  readonly seconds: number;
  /** How much this process has grown, and how long its event loop stood still at most. */
  readonly grownMiB: number;
  readonly stoodMs: number;
  /** Most that the workspace took on the disk at a time, where it was weighed. */
  readonly diskMiB: number;
  /** What is left on the host; empty where it is unharmed. */
  readonly harm: readonly string[];
}

const MIB = 1024 * 1024;
/** A uid of this process's own, so that what it left behind can be told from other runs. */
const UID = 61_234 + (process.pid % 1_000);
const OWNER = { uid: UID, gid: UID };

/** The real engine over its real stores, one rollout at a time, with a watch on the host. */
export class HostileBench implements AsyncDisposable {
  readonly out: string;
  readonly #arms: ArmFacts[] = [];
  readonly #tasks: TaskFacts[] = [];
  readonly #scratch = scratchFolder();
  readonly #upstreams = new Map<string, Upstream>();
  readonly #watch: HostWatch;
  readonly #tries = new Map<string, number>();
  readonly #oldTmp = process.env['TMPDIR'];
  #session: LocalSession | undefined;

  constructor() {
    this.out = join(this.#scratch.path, 'out');
    process.env['TMPDIR'] = this.#scratch.path;
    this.#watch = new HostWatch(this.#scratch.path, OWNER.uid);
  }

  async open(): Promise<void> {
    const sandbox = await openTestSandbox(TEST_UID === 0 ? { owner: OWNER } : {});
    this.#session = await openLocalSession({
      out: this.out,
      sandbox,
      // On the disk, where the watch of the host sees it.
      memoryFolder: undefined,
      programsDir: await testProgramsDir(sandbox),
      upstreams: this.#upstreams,
      logger: silentLogger,
      signal: new AbortController().signal,
    });
    this.#watch.start();
  }

  get session(): LocalSession {
    if (this.#session === undefined) throw new Error('not open');
    return this.#session;
  }

  /** A second try of the same attack is an arm of its own, or it would read what was decided of the first. */
  async run(given: Attack): Promise<Aftermath> {
    const tries = (this.#tries.get(given.name) ?? 0) + 1;
    this.#tries.set(given.name, tries);
    const attack = tries === 1 ? given : { ...given, name: `${given.name}-again-${tries}` };
    const taskSet = toTaskSet(attack);
    this.#tasks.push(...taskSet.tasks.map(taskFacts));
    if (attack.upstream) this.#upstreams.set(attack.name, attack.upstream);
    const request = runRequest(attack);
    const arm = request.arms[0];
    if (arm === undefined) throw new Error('no arm');
    const agent = await commandAgent({
      command: ['bash', '-c', attack.script, attack.name],
    }).prepare({ cacheDir: this.out, logger: silentLogger, signal: new AbortController().signal });
    const plans = batchPlans(
      request,
      [
        {
          request: arm,
          agent,
          kind: armKind(arm.agent.name, answersOf(arm)),
          recording: undefined,
        },
      ],
      taskSet,
      0,
    );
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    const before = process.memoryUsage.rss();
    const peak = sampleRss();
    const weight = sampleMax(attack.weigh === true ? () => this.#workspaceBytes() : () => 0);
    const started = performance.now();
    await this.session.engine.run(plans, {
      parallelism: attack.samples ?? 1,
      signal: new AbortController().signal,
      observer: { started: () => undefined, retried: () => undefined, decided: () => undefined },
    });
    const seconds = (performance.now() - started) / 1000;
    delay.disable();
    const grownMiB = (peak.end() - before) / MIB;
    const { name, version, configDigest } = agent;
    const label = {
      name: arm.name,
      kind: 'replay',
      agent: { name, version, configDigest },
      model: undefined,
    } as const;
    const facts = await loadArm(this.session.store, asBatchId(`hostile-${attack.name}`), label);
    this.#arms.push(facts);
    return {
      ...(await this.#aftermath(facts)),
      seconds,
      grownMiB,
      diskMiB: weight.end() / MIB,
      stoodMs: delay.max / 1e6,
      harm: await this.#watch.harm(attack.name),
    };
  }

  async #aftermath(
    facts: ArmFacts,
  ): Promise<Omit<Aftermath, 'seconds' | 'grownMiB' | 'stoodMs' | 'diskMiB' | 'harm'>> {
    const [rollout] = facts.rollouts;
    const decision = rollout?.row.decision;
    const last = rollout?.attempts.at(-1)?.row;
    if (rollout === undefined || decision === undefined || last === undefined)
      throw new Error('undecided');
    const { store, artifacts } = this.session;
    const log = last.end?.stdout && (await artifacts.read(last.end.stdout));
    return {
      decision,
      codes: [...new Set(decision.findings.map(({ code }) => code))].toSorted(),
      tries: rollout.attempts.length,
      verifications: await store.listVerifications(last.id),
      stdout: log === undefined ? '' : Buffer.from(log).toString('utf8'),
    };
  }

  #workspaceBytes(): number {
    const root = this.#scratch.path;
    const folders = readdirSync(root).filter((name) => name.startsWith('clawgym-'));
    const attempts = folders.flatMap((name) =>
      readdirSync(join(root, name))
        .filter((scratch) => /^[av]-/.test(scratch))
        .map((scratch) => join(root, name, scratch, 'workspace')),
    );
    return attempts.reduce((sum, workspace) => sum + folderBytes(workspace), 0);
  }

  /** Results and report of everything that ran so far, as a user gets them. */
  async report(): Promise<{ readonly results: Results; readonly html: string }> {
    await writeOutput(this.out, {
      name: 'hostile',
      createdAt: 0,
      product: { name: 'clawgym', version: '0.0.0' },
      taskSet: sha256('hostile'),
      tasks: this.#tasks,
      score: 'flat',
      command: 'clawgym bench',
      parameters: {},
      arms: this.#arms,
    });
    const results = zResults.parse(
      JSON.parse(readFileSync(join(this.out, 'results.json'), 'utf8')),
    );
    return { results, html: readFileSync(join(this.out, 'report.html'), 'utf8') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    let left: readonly string[] = [];
    try {
      await this.#session?.[Symbol.asyncDispose]();
      left = this.#watch.leftovers();
    } finally {
      if (this.#oldTmp === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = this.#oldTmp;
      this.#scratch.remove();
    }
    if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
  }
}

function toTaskSet({ name, task }: Attack): TaskSet {
  return task !== undefined && 'blobs' in task ? task : hostileTaskSet({ id: name, ...task });
}

function runRequest(attack: Attack): RunRequest {
  const arm: ArmRequest = {
    name: attack.name,
    agent: { name: 'command' },
    model: attack.upstream && {
      name: 'm',
      source: { kind: 'recording', path: '' },
      sampling: {},
    },
    budgets: attack.budgets ?? {},
  };
  return {
    kind: 'BenchRun',
    name: 'hostile',
    tasks: { path: '', ids: undefined, skipInvalid: false },
    arms: [arm],
    samples: attack.samples ?? 1,
    parallelism: 1,
    settings: {
      retries: { infraRetries: 2, disruptionLimit: 20 },
      timeoutPercent: 100,
      limits: { ...DEFAULT_SANDBOX, memoryMiB: 512, pids: 128, ...attack.limits },
      snapshot: DEFAULT_SNAPSHOT_CAPS,
      gatewayLossSeconds: 5,
      score: 'flat',
    },
  };
}

function taskFacts({ task, digest }: TaskSet['tasks'][number]): TaskFacts {
  const { id, category, cluster } = task;
  return { id, digest, category, cluster, agentCode: task.verifier?.agentCode ?? 'unknown' };
}

/** On the disk, of the files at the top. */
function folderBytes(folder: string): number {
  try {
    return readdirSync(folder).reduce(
      (sum, name) => sum + lstatSync(join(folder, name)).blocks * 512,
      0,
    );
  } catch {
    return 0;
  }
}

const sampleRss = () => sampleMax(() => process.memoryUsage.rss());

function sampleMax(measure: () => number): { end(): number } {
  let peak = measure();
  const timer = setInterval(() => {
    peak = Math.max(peak, measure());
  }, 10);
  return {
    end: () => {
      clearInterval(timer);
      return peak;
    },
  };
}
