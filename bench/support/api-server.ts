import { stderrLogger } from '../../src/cli/stderr-logger.ts';
import { clusterEnvironment } from '../../test/cluster/cluster-environment.ts';
import { startLayer } from '../../test/cluster/layers.ts';

/** A server to measure against; `kubeconfig` is the path of its administrator's. */
export interface ApiServer extends AsyncDisposable {
  readonly kubeconfig: string;
}

/** Starts the apiserver layer for one script, or takes the server of a kubeconfig that is given. */
export async function apiServer(kubeconfig: string | undefined): Promise<ApiServer> {
  if (kubeconfig !== undefined)
    return { kubeconfig, [Symbol.asyncDispose]: () => Promise.resolve() };
  const { cacheDir, env, uid } = clusterEnvironment();
  const logger = stderrLogger((line) => void process.stderr.write(line));
  const { signal } = new AbortController();
  const owned = await startLayer('apiserver', {}, { cacheDir, env, uid, logger, signal });
  return {
    kubeconfig: owned.cluster.kubeconfigPath,
    [Symbol.asyncDispose]: () => owned.stop(),
  };
}
