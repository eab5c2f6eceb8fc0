import type { Fetched } from '../../store/cluster-records.ts';
import type { VerificationRow } from '../../store/records.ts';

/** In the place of a root that no container told: an image of another release, or one made by hand. */
const UNNAMED_ROOT = 'unnamed';

/**
 * What graded: the tools as their own image names them, never as the server's release does, which may
 * be another. Equal to a local run's where the packages are.
 */
export function graderOf(fetched: Fetched | undefined, python: string): VerificationRow['grader'] {
  return { root: fetched?.graderRoot ?? UNNAMED_ROOT, python };
}
