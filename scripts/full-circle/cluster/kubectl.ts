import { execFile } from 'node:child_process';
import { z } from 'zod';
import { parseJson } from '../../../src/base/brand.ts';

/** kubectl in the namespace of the circle; gives what it printed, and throws with what it complained of. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<string>;

export interface KubectlPlace {
  readonly namespace: string;
  readonly context?: string | undefined;
  readonly kubeconfig?: string | undefined;
}

/** Answers of many objects are long. */
const MAX_BYTES = 256 * 1024 * 1024;

/** The kubectl of this machine. */
export function kubectlOf(place: KubectlPlace, signal: AbortSignal): Kubectl {
  const { namespace, context, kubeconfig } = place;
  const flags = [
    ...['--namespace', namespace],
    ...(context === undefined ? [] : ['--context', context]),
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
  ];
  return async (args, input = '') =>
    await new Promise((done, fail) => {
      const options = { maxBuffer: MAX_BYTES, signal };
      const child = execFile('kubectl', [...flags, ...args], options, (error, out, words) => {
        if (error === null) return done(out);
        const missing = 'code' in error && error.code === 'ENOENT';
        const why = missing ? 'there is no kubectl on the PATH' : words.trim() || error.message;
        fail(new Error(`kubectl ${args.join(' ')}: ${why}`, { cause: error }));
      });
      child.stdin?.on('error', () => undefined).end(input);
    });
}

const zList = z.looseObject({ items: z.array(z.unknown()) });

/** Objects of the namespace, each as `type` reads it. */
export async function listed<T>(
  kubectl: Kubectl,
  args: readonly string[],
  type: z.ZodType<T>,
): Promise<readonly T[]> {
  const text = await kubectl(['get', ...args, '--output', 'json']);
  return zList.parse(parseJson(text)).items.map((item) => type.parse(item));
}
