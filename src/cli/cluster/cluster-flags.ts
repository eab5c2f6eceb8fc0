/** Flags by which a command names a cluster, as kubectl's. */
export interface ClusterFlags {
  readonly namespace?: string | undefined;
  readonly context?: string | undefined;
  readonly kubeconfig?: string | undefined;
  /** Where the server is installed, if not in the namespace of the run. */
  readonly serverNamespace?: string | undefined;
}

/** True where the command line names a cluster in any way. */
export function namesCluster(flags: ClusterFlags): boolean {
  const { namespace, context, kubeconfig, serverNamespace } = flags;
  return [namespace, context, kubeconfig, serverNamespace].some((flag) => flag !== undefined);
}
