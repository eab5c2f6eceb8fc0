import type { Command } from '@commander-js/extra-typings';

/**
 * The command with the flags of `ClusterFlags`, which say where a server is looked for.
 *
 * @param namespace what --namespace means for this command
 */
export function inCluster<Args extends unknown[], Options extends Record<string, unknown>>(
  command: Command<Args, Options>,
  namespace: string,
) {
  return command
    .option('-n, --namespace <name>', namespace)
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig (default: KUBECONFIG, else ~/.kube/config)')
    .option('--server-namespace <name>', 'where the server is installed, if elsewhere');
}
