import type { KubernetesRelease } from './go-modules.ts';
import type { Credential, Pki } from './pki.ts';

/** Ports of a control plane. */
export interface ControlPlanePorts {
  readonly apiServer: number;
  readonly etcdClient: number;
  readonly etcdPeer: number;
}

export interface ControlPlaneOptions {
  /** Address that the API server listens on: `127.0.0.1`, or `0.0.0.0` inside a namespace. */
  readonly bindAddress: string;
  /**
   * Address that everyone reaches the API server at: it stands in every kubeconfig and in the
   * endpoints of the Service `kubernetes` (which stays without endpoints where it is a loopback
   * address). This process must be able to connect to it.
   */
  readonly advertiseAddress: string;
  /** Left out: free ports of this host. Given inside a network namespace of its own. */
  readonly ports?: ControlPlanePorts;
  /** Command line that enters a network namespace, for example `['ip', 'netns', 'exec', name]`. */
  readonly enter?: readonly string[];
  /** Names of the serving certificate beyond loopback, advertise and service address: `IP:…`, `DNS:…`. */
  readonly extraSans?: readonly string[];
  /** Default 10.96.0.0/16; the Service `kubernetes` gets its first address. */
  readonly serviceCidr?: string;
  /** Given: the controller manager hands out pod subnets of /24 to nodes from it. */
  readonly podCidr?: string;
  readonly release?: KubernetesRelease;
  /** Further flags, `--name=value`; they come last, so they win. */
  readonly apiServerFlags?: readonly string[];
  readonly controllerManagerFlags?: readonly string[];
  readonly schedulerFlags?: readonly string[];
  /** Added to the environment of all its programs. */
  readonly programEnv?: Readonly<Record<string, string>>;
}

/** What a kubelet needs to join. */
export interface NodeCredentials {
  /** Kubeconfig of `system:node:NAME`. */
  readonly kubeconfig: string;
  /** Serves the kubelet's own endpoint; names the node and its address. */
  readonly serving: Credential;
}

/** Whom a client certificate names. */
export interface ClusterUser {
  readonly name: string;
  readonly group?: string;
}

/** A running control plane; it ends with the programs of its cluster. */
export interface ControlPlane {
  /** `https://ADDRESS:PORT`. */
  readonly url: string;
  readonly pki: Pki;
  /** Kubeconfig of a member of system:masters. */
  readonly kubeconfig: string;
  /** Path of a kubectl of the cluster's release. */
  readonly kubectl: string;
  /** A kubeconfig of its own for a user, for example `system:kube-proxy`; the same one each time. */
  kubeconfigFor(user: ClusterUser): Promise<string>;
  /** Certificates for a node; the authorizer lets it do what a kubelet of that name may. */
  nodeCredentials(name: string, address: string): Promise<NodeCredentials>;
}
