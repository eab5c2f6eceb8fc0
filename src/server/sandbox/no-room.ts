import type { NoClaim } from '../../protocol/sandbox-api.ts';

/** Pause of a container that waits for room in the store. */
const ROOM_SECONDS = 30;

/** Answer of a claim for something new while the store is full. */
export const NO_ROOM: NoClaim = {
  decision: 'wait',
  reason: 'StoreFull: the store takes the ends of what runs, and nothing new',
  retryAfterSeconds: ROOM_SECONDS,
};
