import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { namesInWork } from '../run-outputs/find-in-work.ts';
import { type Ordered, runOrder } from './run-order.ts';

export interface ManifestRun<T> {
  /** Folder with the outputs of all objects, one each by its name. */
  readonly work: string;
  readonly say: (text: string) => void;
  /** Runs one object as by itself and returns its exit code. */
  readonly runOne: (object: T, out: string) => Promise<number>;
}

/** What ran to its end, be it short of its target: what comes next says whether that will do. */
const INCOMPLETE = 3;

/**
 * Runs the objects of a manifest one after the other, each after those that it names. Returns 0, 3 where
 * one of them is incomplete, or the exit code of the first that did not run to its end: then nothing
 * further is started, and the same command goes on there.
 */
export async function runManifest<T extends Ordered>(
  objects: readonly T[],
  { work, say, runOne }: ManifestRun<T>,
): Promise<number> {
  const order = await orderIn(objects, work);
  let worst = 0;
  for (const [index, object] of order.entries()) {
    const { kind, metadata } = object;
    say(`${index + 1}/${order.length} ${kind} ${metadata.name}\n`);
    const code = await runOne(object, join(work, metadata.name));
    if (code !== 0 && code !== INCOMPLETE) return code;
    worst = Math.max(worst, code);
  }
  return worst;
}

/** The order of the objects, where each name is known in the manifest or in the work folder. */
export async function orderIn<T extends Ordered>(
  objects: readonly T[],
  work: string,
): Promise<readonly T[]> {
  const names = await namesInWork(work);
  return runOrder(
    objects,
    (kind, name) =>
      names.has(`${kind}/${name}`) || (kind === 'SynthesisJob' && existsSync(join(work, name))),
  );
}
