import type {
  PlanSynthesisBody,
  SynthesisServer,
  SynthesisState,
} from '../../../src/protocol/synthesis-server.ts';

interface Stored {
  readonly body: PlanSynthesisBody;
  state: SynthesisState;
}

/** SynthesisJobs of a server in memory: nothing happens but what a test makes happen. */
export class MemorySynthesis implements SynthesisServer {
  readonly calls: string[] = [];
  /** Told each call; throws for those that fail. */
  fail: (call: string) => void = () => undefined;
  readonly #jobs = new Map<string, Stored>();

  plan: SynthesisServer['plan'] = async (uid, body) => {
    this.#call('plan');
    const known = this.#jobs.get(uid);
    if (known !== undefined) return known.state;
    const { target, parallelism } = body.spec as { target: number; parallelism?: number };
    const state: SynthesisState = {
      ...{ uid, target, accepted: 0, records: 0, open: 0, stages: [], rejections: [] },
      steering: { records: target * 10, ...(parallelism !== undefined && { parallelism }) },
      ...{ inputTokens: 0, outputTokens: 0, rounds: [] },
    };
    this.#jobs.set(uid, { body, state });
    return state;
  };

  state: SynthesisServer['state'] = async (uid) => {
    this.#call('state');
    return this.#jobs.get(uid)?.state;
  };

  steer: SynthesisServer['steer'] = async (uid, steering) => {
    this.#call('steer');
    this.change(uid, { steering });
  };

  workerCreated: SynthesisServer['workerCreated'] = async (uid, worker) => {
    this.#call('worker');
    this.change(uid, { worker });
  };

  gateBatchCreated: SynthesisServer['gateBatchCreated'] = async (uid, round, batch) => {
    this.#call(`batch ${round}`);
    const rounds = this.job(uid).state.rounds;
    this.change(uid, {
      rounds: rounds.map((each) => (each.id === round ? { ...each, batch } : each)),
    });
  };

  cancel: SynthesisServer['cancel'] = async (uid, cancelled) => {
    this.#call('cancel');
    if (this.#jobs.has(uid)) this.change(uid, { cancelled, rounds: [] });
  };

  /** What the worker, or its batches, have come to. */
  change(uid: string, changes: Partial<SynthesisState>): void {
    const job = this.job(uid);
    job.state = { ...job.state, ...changes };
  }

  job(uid: string): Stored {
    const job = this.#jobs.get(uid);
    if (job === undefined) throw new Error(`no synthesis ${uid} is planned`);
    return job;
  }

  get uids(): readonly string[] {
    return [...this.#jobs.keys()];
  }

  #call(name: string): void {
    this.calls.push(name);
    this.fail(name);
  }
}
