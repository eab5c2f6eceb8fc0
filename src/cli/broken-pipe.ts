import { writeSync } from 'node:fs';

/**
 * Lets a command end normally where the reader of its output has gone, as in `clawgym ... | head`: a
 * run must not break off because nobody watches it. Other faults of the streams, such as a full disk,
 * stay fatal: `fail` is told why, and must end the process.
 */
export function outliveReaders(
  streams: readonly NodeJS.WritableStream[],
  fail: (why: string) => void = endWith,
): void {
  for (const stream of streams) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') fail(`error: the output cannot be written: ${error.message}\n`);
    });
  }
}

function endWith(why: string): never {
  try {
    writeSync(2, why);
  } finally {
    process.exit(1);
  }
}
