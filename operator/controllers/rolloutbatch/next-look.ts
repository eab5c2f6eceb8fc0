import type { Findings } from './findings.ts';
import type { BatchSettings } from './parts.ts';

/** Somebody has to do something first: a look every second finds nothing new. */
export const BLOCKED_MS = 15_000;

/**
 * Milliseconds until the next look; undefined where only a change of an object brings anything new.
 * While anything of it lives or waits the server is asked; nothing else tells of its decisions.
 */
export function nextLook(
  { tickMs }: Pick<BatchSettings, 'tickMs'>,
  {
    forbidden,
    hindrance,
    mode,
    state,
  }: Pick<Findings, 'forbidden' | 'hindrance' | 'mode' | 'state'>,
): number | undefined {
  if (hindrance !== undefined) return BLOCKED_MS;
  if (state === undefined) return tickMs;
  const live = state.jobs.filter((job) => job.live);
  if (live.length === 0 && (mode === 'pause' || state.results !== undefined)) return undefined;
  // A Job that is there already goes on, and is looked after.
  const atWork = live.some(({ uid }) => uid !== undefined);
  return forbidden?.reason === 'JobsForbidden' && !atWork ? BLOCKED_MS : tickMs;
}
