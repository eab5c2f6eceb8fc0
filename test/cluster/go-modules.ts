/** A committed Go module of test/cluster/modules and the programs that are built from it. */
export interface GoModule {
  /** Folder below test/cluster/modules. */
  readonly folder: string;
  /** The dependency whose version in go.mod is the version of the programs. */
  readonly dependency: string;
  /** Package of each program, by the program's file name. */
  readonly programs: Readonly<Record<string, string>>;
  /** Variables that the linker sets, so that programs report the version `v1.2.3`. */
  readonly variables?: (version: string) => Readonly<Record<string, string>>;
}

const CMD = 'k8s.io/kubernetes/cmd';

const CONTROL_PLANE = {
  'kube-apiserver': `${CMD}/kube-apiserver`,
  'kube-controller-manager': `${CMD}/kube-controller-manager`,
  'kube-scheduler': `${CMD}/kube-scheduler`,
} as const;

/** Without these the API server reports v0.0.0-master, which clients refuse as too old. */
function kubernetesVariables(version: string): Readonly<Record<string, string>> {
  const [major = '', minor = ''] = version.replace(/^v/, '').split('.');
  const variables = {
    gitVersion: version,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
  };
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [
      `k8s.io/component-base/version.${name}`,
      value,
    ]),
  );
}

/** All modules; the versions stand in their go.mod files alone. */
export const GO_MODULES = {
  kubernetes: {
    folder: 'kubernetes',
    dependency: 'k8s.io/kubernetes',
    programs: {
      ...CONTROL_PLANE,
      kubectl: `${CMD}/kubectl`,
      kubelet: `${CMD}/kubelet`,
      'kube-proxy': `${CMD}/kube-proxy`,
    },
    variables: kubernetesVariables,
  },
  /** The oldest release that the operator supports; built only where it is asked for. */
  'kubernetes-floor': {
    folder: 'kubernetes-1.33',
    dependency: 'k8s.io/kubernetes',
    programs: CONTROL_PLANE,
    variables: kubernetesVariables,
  },
  etcd: { folder: 'etcd', dependency: 'go.etcd.io/etcd/server/v3', programs: { etcd: '.' } },
  kwok: {
    folder: 'kwok',
    dependency: 'sigs.k8s.io/kwok',
    programs: { kwok: 'sigs.k8s.io/kwok/cmd/kwok' },
  },
  coredns: {
    folder: 'coredns',
    dependency: 'github.com/coredns/coredns',
    programs: { coredns: 'github.com/coredns/coredns' },
  },
  helm: {
    folder: 'helm',
    dependency: 'helm.sh/helm/v4',
    programs: { helm: 'helm.sh/helm/v4/cmd/helm' },
    variables: (version) => ({ 'helm.sh/helm/v4/internal/version.version': version }),
  },
} as const satisfies Readonly<Record<string, GoModule>>;

/** Release of the control plane: the pinned one, or the oldest that is supported. */
export type KubernetesRelease = 'current' | 'floor';

/** Every program that can be built, by its file name. */
export type ProgramName = {
  [M in keyof typeof GO_MODULES]: keyof (typeof GO_MODULES)[M]['programs'];
}[keyof typeof GO_MODULES];

/** The module a program is built from. */
export function moduleOf(program: ProgramName, release: KubernetesRelease): GoModule {
  const floor = GO_MODULES['kubernetes-floor'];
  if (release === 'floor' && program in floor.programs) return floor;
  for (const goModule of Object.values(GO_MODULES)) {
    if (goModule !== floor && program in goModule.programs) return goModule;
  }
  throw new TypeError(`no module builds ${program}`);
}
