/** Bytes of the heap that survive a full collection. Needs `node --expose-gc`. */
export function retainedHeap(): number {
  const { gc } = globalThis;
  if (!gc) throw new Error('no gc(): run this script with node --expose-gc');
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}
