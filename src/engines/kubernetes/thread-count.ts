import { quantityMillis } from '../../api/quantity.ts';

/**
 * Threads of the numeric libraries in a container, from the CPU that it asks for: they count the cores of
 * the node otherwise, and many threads on few CPUs wait for each other. Whole CPUs, rounded down, at least
 * one for each process. Nothing where no CPU is asked for: then the program's own default holds.
 *
 * @param cpu a quantity, as `1500m`
 * @param processes that share the container, as torchrun starts one a GPU
 */
export function threadVariables(cpu: string | undefined, processes = 1): Record<string, string> {
  const millis = quantityMillis(cpu);
  if (millis === undefined) return {};
  return { OMP_NUM_THREADS: String(Math.max(1, Math.floor(millis / 1000 / processes))) };
}
