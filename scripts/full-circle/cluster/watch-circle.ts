import { setTimeout as sleep } from 'node:timers/promises';
import {
  briefly,
  type CircleName,
  type CircleObject,
  find,
  isTrue,
  readCircle,
  standOf,
} from './circle-objects.ts';
import type { Kubectl } from './kubectl.ts';

export interface WatchOptions {
  readonly kubectl: Kubectl;
  readonly names: readonly CircleName[];
  readonly print: (line: string) => void;
  /** Told of every look, before it is waited on. */
  readonly looked?: ((objects: readonly CircleObject[]) => Promise<void>) | undefined;
  readonly signal: AbortSignal;
  /** Between two looks. */
  readonly lookMs?: number;
}

const LOOK_MS = 3000;

/**
 * Prints what the objects say of themselves whenever that changes, until the last of them is complete. Throws
 * where one has failed: those that wait for it would wait for ever.
 */
export async function watchCircle(options: WatchOptions): Promise<readonly CircleObject[]> {
  const { kubectl, names, print, looked, signal, lookMs = LOOK_MS } = options;
  const said = new Map<string, string>();
  const began = performance.now();
  for (;;) {
    const objects = await readCircle(kubectl);
    const mine = names.flatMap((name) => find(objects, name) ?? []);
    for (const object of mine) {
      const name = `${object.kind} ${object.metadata.name}`;
      const stand = briefly(object);
      if (said.get(name) === stand) continue;
      said.set(name, stand);
      const seconds = String(Math.round((performance.now() - began) / 1000)).padStart(5);
      print(`${seconds} s  ${name}: ${stand}`);
    }
    await looked?.(objects);
    const failed = mine.find((object) => isTrue(object, 'Failed'));
    if (failed !== undefined) {
      throw new Error(`${failed.kind} ${failed.metadata.name} has failed: ${standOf(failed)}`);
    }
    if (mine.length === names.length && mine.every((object) => isTrue(object, 'Complete'))) {
      return objects;
    }
    await sleep(lookMs, undefined, { signal });
  }
}
