import { silentLogger } from '../../operator/kube/base/logger.ts';
import {
  LeaderElection,
  type LeaderElectionOptions,
} from '../../operator/kube/election/leader-election.ts';
import { type CallFate, LeaseRegister, type Network } from './lease-register.ts';
import { SimHost, Simulation } from './simulation.ts';

/** A lease behind a perfect network, and hosts with good clocks. */
export function world() {
  const simulation = new Simulation();
  const register = new LeaseRegister(simulation);
  const host = () => new SimHost(simulation);
  return { simulation, register, host };
}

/** Each call of a verb meets the next fate of the list, later ones none. */
export function fates(verb: string, list: readonly CallFate[]): Network {
  const left = [...list];
  return (called) => (called === verb ? (left.shift() ?? {}) : {});
}

/** A candidate of a simulated election, and what became of it. */
export interface Candidate {
  readonly election: LeaderElection;
  readonly host: SimHost;
  /** The signal that its work got; undefined before it leads. */
  readonly acting: AbortSignal | undefined;
  /** The signal that tells its work of the loss of the lease; undefined before it leads. */
  readonly losing: AbortSignal | undefined;
  /** `running`, `done`, or the error with which `run` ended. */
  readonly outcome: unknown;
  /** SIGTERM. */
  cancel(): void;
  /** Ends the work of the leader: by itself after `cancel` unless `stubborn`. */
  endWork(error?: Error): void;
}

/** Starts a candidate with the leases of the proof, 3/2/0.5 s. */
export function startCandidate(
  register: LeaseRegister,
  host: SimHost,
  identity: string,
  more: Partial<LeaderElectionOptions> & {
    readonly network?: Network;
    readonly stubborn?: boolean;
  } = {},
): Candidate {
  const { network, stubborn = false, ...options } = more;
  const election = new LeaderElection({
    leases: register.client(host, network),
    namespace: 'claw',
    name: 'operator',
    identity,
    fieldManager: 'test',
    clock: host,
    random: () => 0,
    logger: silentLogger,
    leaseDurationMs: 3000,
    renewDeadlineMs: 2000,
    retryPeriodMs: 500,
    ...options,
  });
  const cancelled = new AbortController();
  const work = Promise.withResolvers<void>();
  const state: { acting?: AbortSignal; losing?: AbortSignal; outcome: unknown } = {
    outcome: 'running',
  };
  const lead = (signal: AbortSignal, lost: AbortSignal): Promise<void> => {
    state.acting = signal;
    state.losing = lost;
    if (!stubborn) signal.addEventListener('abort', () => work.resolve());
    return work.promise;
  };
  election.run(lead, cancelled.signal).then(
    () => {
      state.outcome = 'done';
    },
    (error: unknown) => {
      state.outcome = error;
    },
  );
  return {
    election,
    host,
    get acting() {
      return state.acting;
    },
    get losing() {
      return state.losing;
    },
    get outcome() {
      return state.outcome;
    },
    cancel: () => cancelled.abort(new Error('SIGTERM')),
    endWork: (error) => (error === undefined ? work.resolve() : work.reject(error)),
  };
}
