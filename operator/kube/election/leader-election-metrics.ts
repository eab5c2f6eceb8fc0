import { Gauge, type Registry } from 'prom-client';

export interface LeaderElectionMetrics {
  /** `name` is the lease's. */
  setLeading(name: string, leading: boolean): void;
}

/** `leader_election_master_status{name}`: 1 while this process leads, else 0, as client-go names it. */
export function createLeaderElectionMetrics(registry: Registry): LeaderElectionMetrics {
  const status = new Gauge({
    name: 'leader_election_master_status',
    help: 'Whether this process is the leader of the lease (1) or not (0).',
    labelNames: ['name'],
    registers: [registry],
  });
  return { setLeading: (name, leading) => status.set({ name }, leading ? 1 : 0) };
}
