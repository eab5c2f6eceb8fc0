/**
 * Lets a command end normally where the reader of its output has gone, as in `clawgym ... | head`: a
 * run must not break off because nobody watches it. Other faults of the streams stay fatal.
 */
export function outliveReaders(streams: readonly NodeJS.WritableStream[]): void {
  for (const stream of streams) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
