/** What survives a full collection, in bytes. */
export interface RetainedMemory {
  readonly heap: number;
  /** Outside of the heap and held by objects in it: buffers and what native code keeps for them. */
  readonly external: number;
  /** Resident memory of the whole process, with what the allocator has not given back. */
  readonly rss: number;
}

/** Needs `node --expose-gc`. */
export function retainedMemory(): RetainedMemory {
  const { gc } = globalThis;
  if (!gc) throw new Error('no gc(): run this script with node --expose-gc');
  gc();
  gc();
  // `external` contains `arrayBuffers` (process.memoryUsage).
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, external, rss };
}

/** Bytes of the heap that survive a full collection. Needs `node --expose-gc`. */
export function retainedHeap(): number {
  return retainedMemory().heap;
}
