import type { Logger } from '../../src/base/logger.ts';
import type { Ledger } from './ledger.ts';
import type { Programs } from './programs.ts';

/** Environment of started programs (PATH, proxies), handed in. */
export type HostEnv = Readonly<Record<string, string | undefined>>;

/** What every part of a cluster is built with: one per cluster, made by its supervisor. */
export interface ClusterHost {
  /** Absolute; holds everything of this cluster and is removed at its end. */
  readonly stateFolder: string;
  /** Outlives clusters: built programs, images. */
  readonly cacheDir: string;
  readonly env: HostEnv;
  readonly uid: number;
  /** Lines for the person who waits: what is done now. */
  readonly logger: Logger;
  readonly programs: Programs;
  /** Where anything made outside of the state folder must be recorded first. */
  readonly ledger: Ledger;
  /** Fires when the cluster shall end. */
  readonly signal: AbortSignal;
}
