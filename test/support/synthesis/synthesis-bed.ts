import { asBatchId, asRolloutId, asSha256 } from '../../../src/base/brand.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { ClawError } from '../../../src/base/error.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { ListenerConnection } from '../../../src/phases/pod/listener-connection.ts';
import { AUDIENCES } from '../../../src/protocol/pod-contract.ts';
import type { GateRound, PlanSynthesisBody } from '../../../src/protocol/synthesis-server.ts';
import { GATE_RUNS } from '../../../src/rollouts/gates/gate-runs.ts';
import type { Outcome } from '../../../src/rollouts/outcome.ts';
import { runWorker } from '../../../src/synthesis/worker/run-worker.ts';
import { SynthesisClient } from '../../../src/synthesis/worker/synthesis-client.ts';
import { aBatch } from '../records.ts';
import { SandboxBed, type SandboxBedOptions } from '../sandbox-bed.ts';
import type { PodFields } from '../sandbox-pods.ts';
import { PLAYED_GATES } from './played-gates.ts';

export const JOB = 'e0a1b2c3-0000-4000-8000-0000000000aa';
export const JOB_OF_WORKER = 'uid-of-the-worker';
const POD = { name: 'worker', uid: 'pod-worker' };

export function aSynthesisPlan(records: number, spec: object = {}): PlanSynthesisBody {
  const model = { name: 'fallible', upstreamSecretRef: { name: 'lab' } };
  return {
    ...{ namespace: 'team-a', name: 'sums', seeds: {} },
    spec: {
      ...{ target: records, seed: 5, routes: { personas: {} } },
      models: { generator: model, judge: model },
      budgets: { records },
      parallelism: 3,
      ...spec,
    },
  };
}

export const workerPod = (fields: PodFields = {}): PodFields => ({
  ...{ ...POD, jobName: 'sums-e0a1b-w', jobUid: JOB_OF_WORKER },
  ...fields,
});

type Send = ListenerConnection['send'];

/**
 * A job on a server as its worker sees it: real TLS, real store, real tokens, the real worker. The operator
 * and the sandboxes of gate runs are played.
 */
export class SynthesisBed implements AsyncDisposable {
  readonly bed: SandboxBed;
  /** Batches that were made, in order. */
  readonly batches: GateRound[] = [];
  /** What becomes of a rollout instead of its verdict. */
  outcome: (round: GateRound, taskId: string) => Outcome | undefined = () => undefined;

  private constructor(bed: SandboxBed) {
    this.bed = bed;
  }

  static async start(
    plan: PlanSynthesisBody | undefined,
    options: SandboxBedOptions = {},
  ): Promise<SynthesisBed> {
    const bed = new SynthesisBed(await SandboxBed.start(options));
    bed.bed.pods.put(workerPod());
    if (plan !== undefined) {
      await bed.desk.plan(JOB, plan);
      await bed.desk.workerCreated(JOB, JOB_OF_WORKER);
    }
    return bed;
  }

  get desk() {
    return this.bed.synthesis.desk;
  }

  token(fields: object = {}): Promise<string> {
    const audience = [AUDIENCES.synthesis];
    return this.bed.mint.sign({ audience, pod: POD, ...fields });
  }

  /** The worker as a process, from nothing; `around` stands between it and the server. */
  async work(around: (send: Send) => Send = (send) => send): Promise<void> {
    const shared = { clock: systemClock, random: Math.random, logger: silentLogger };
    const connection = new ListenerConnection({
      ...{ serverUrl: this.bed.origin, ca: this.bed.authority.certificate, maxSockets: 32 },
    });
    const stop = new AbortController();
    const playing = this.#play(stop.signal);
    try {
      const client = new SynthesisClient({
        ...{ ...shared, awaySeconds: 20 },
        connection: { send: around((outgoing) => connection.send(outgoing)) },
        readToken: () => this.token(),
      });
      await runWorker({ ...shared, client, lookMs: 5 }, stop.signal);
    } finally {
      stop.abort(new ClawError('Cancelled', 'over'));
      connection.close();
      await playing;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bed[Symbol.asyncDispose]();
  }

  async #play(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { rounds } = await this.desk.state(JOB);
      for (const round of rounds) if (round.batch === undefined) await this.#runBatch(round);
      await systemClock.sleep(5, signal).catch(() => undefined);
    }
  }

  /** As the operator makes it and sandboxes decide it. */
  async #runBatch(round: GateRound): Promise<void> {
    const { shelf, store } = this.bed;
    this.batches.push(round);
    const id = asBatchId(`batch-of-round-${this.batches.length}`);
    await this.desk.gateBatchCreated(JOB, round.id, id);
    const set = await shelf.get(asSha256(round.taskSet));
    const run = GATE_RUNS.find((each) => each === round.run) ?? 'nop';
    const plan = { run, agent: { name: 'nop' }, samples: round.samples } as const;
    const planned = [];
    for (const entry of set.tasks) {
      const candidate = { entry, blobs: set.blobs };
      const signal = new AbortController().signal;
      const { runs } = await PLAYED_GATES.run(candidate, [plan], 'gates', signal);
      const rows = runs[run]?.kind === 'rows' ? runs[run].rows : [];
      const taskId = entry.task.id;
      for (const line of rows) {
        const rollout = asRolloutId(`${id}/${taskId}/${line.sample}`);
        const row = { id: rollout, taskId, taskDigest: entry.digest, sample: line.sample };
        planned.push({ row, line });
      }
    }
    await store.planBatch(
      aBatch({ id, taskSet: set.digest }),
      planned.map(({ row }) => row),
    );
    const decisions = planned.map(async ({ row, line }) => {
      const { flat, final } = line;
      const forced = this.outcome(round, row.taskId);
      await store.decideRollout(row.id, {
        outcome: forced ?? (line.outcome === 'verifier_error' ? 'verifier_error' : 'scored'),
        ...{ reason: forced === undefined ? '' : 'Played', attempt: undefined },
        ...{ asLeft: undefined, findings: [], decidedAt: 0 },
        score: { flat, native: null, rubric: null, final },
        checks: final === null ? [] : [{ name: line.checks, value: final }],
      });
    });
    await Promise.all(decisions);
  }
}
