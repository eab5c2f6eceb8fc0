import { type CliEnvironment, cliEnvironment } from '../../src/cli/environment.ts';

/**
 * As the command line's, but with the whole environment: Go, kubectl and Docker read variables of
 * their own (GOPROXY, GOCACHE, KUBECONFIG, KUBEBUILDER_ASSETS, DOCKER_HOST), and supervisors find the
 * same cache. No program of other people's making runs in a cluster's set-up.
 */
export function clusterEnvironment(): CliEnvironment {
  return { ...cliEnvironment(), env: process.env };
}
