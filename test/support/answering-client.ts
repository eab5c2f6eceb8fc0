import { KubeError } from '../../operator/kube/base/kube-error.ts';
import { createKubeClient } from '../../operator/kube/client/typed-client.ts';

/** By path. */
export type Answers = Readonly<Record<string, object | KubeError>>;

/** A client of an API server that has these answers and nothing else. */
export function answeringClient(answers: Answers) {
  const transport = {
    request: async ({ path }: { readonly path: string }): Promise<unknown> => {
      const answer = answers[path] ?? new KubeError('NotFound', `${path} not found`);
      if (answer instanceof KubeError) throw answer;
      return answer;
    },
    stream: () => Promise.reject(new Error('no stream is expected')),
    [Symbol.asyncDispose]: async () => undefined,
  };
  return createKubeClient({ transport });
}
