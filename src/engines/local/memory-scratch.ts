import { accessSync, constants, readFileSync, statfsSync } from 'node:fs';

/** The one folder of Linux that is held in memory by convention. */
const FOLDER = '/dev/shm';
/** Below this it may be a container's stub, or memory is short already. */
const NEEDED_BYTES = 2 * 1024 ** 3;

/** What decides whether scratch may be held in memory; passed in so that tests can hold it. */
export interface MemoryScratchFacts {
  /** /proc/self/mountinfo. */
  readonly mountinfo: string;
  readonly freeBytes: (folder: string) => number;
  readonly isWritable: (folder: string) => boolean;
}

/**
 * A folder in memory where small scratch trees can be made, or undefined. Making and removing files
 * there costs a tenth of what it costs on a disk with a journal, and no other program's fsync holds it
 * up. Programs must be allowed to run there, as they are on the disk.
 */
export function memoryScratchFolder(facts: MemoryScratchFacts): string | undefined {
  const mount = facts.mountinfo
    .split('\n')
    .findLast((line) => line.split(' ', 5)[4] === FOLDER)
    ?.split(' - ');
  if (mount?.[1]?.startsWith('tmpfs ') !== true) return undefined;
  const options = mount[0]?.split(' ')[5]?.split(',') ?? [];
  if (options.includes('noexec') || options.includes('ro')) return undefined;
  if (!facts.isWritable(FOLDER) || facts.freeBytes(FOLDER) < NEEDED_BYTES) return undefined;
  return FOLDER;
}

/** The host's own facts. */
export function hostMemoryFacts(): MemoryScratchFacts {
  return {
    mountinfo: readFileSync('/proc/self/mountinfo', 'utf8'),
    freeBytes: (folder) => {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    },
    isWritable: (folder) => {
      try {
        accessSync(folder, constants.W_OK);
        return true;
      } catch {
        return false;
      }
    },
  };
}
