import type { JobOverCause } from '../../../src/protocol/claw-gym-server.ts';
import type { JobState, Shape } from '../../../src/protocol/operator-api.ts';
import type { EndingCause, JobFact, PodFact } from './observed.ts';

/** One step; each is safe to repeat after a crash at any point of it. */
export type Action =
  /** The server has its rows, the cluster does not have it. */
  | { readonly do: 'create'; readonly job: JobState; readonly parallelism: number }
  /** Rows first, then the Job, then its uid. */
  | {
      readonly do: 'new';
      readonly name: string;
      readonly shape: Shape;
      readonly generation: number;
      readonly max: number;
      /** At most; the rows may be fewer. */
      readonly parallelism: number;
    }
  | { readonly do: 'tell-uid'; readonly name: string; readonly uid: string }
  /** A cache may be behind: is the Job really gone? */
  | { readonly do: 'look'; readonly name: string }
  | {
      readonly do: 'resize';
      readonly job: JobFact;
      readonly parallelism: number;
      readonly lowering: boolean;
    }
  /** Mark, then delete in foreground. */
  | { readonly do: 'end'; readonly job: JobFact; readonly cause: EndingCause }
  | { readonly do: 'over'; readonly name: string; readonly cause: JobOverCause }
  | { readonly do: 'evict'; readonly pod: PodFact }
  /** Deletes finished pods, whose evidence is stored. */
  | { readonly do: 'sweep' }
  | { readonly do: 'cancel' }
  | { readonly do: 'finish' };
