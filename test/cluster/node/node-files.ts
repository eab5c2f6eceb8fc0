import { join } from 'node:path';
import type { NodeAddress } from './cluster-network.ts';
import { CNI_PLUGINS } from './host-requirements.ts';

/** Address of the cluster's DNS Service. */
export const DNS_ADDRESS = '10.96.0.10';
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
export const PAUSE_IMAGE = 'localhost/pause:1';
/** Processes and threads a pod may have. */
const POD_PIDS_LIMIT = 1024;
/** Renewed every quarter of it; far below the time after which a silent node counts as lost. */
const LEASE_SECONDS = 8;

/** Where the parts of a node lie in its folder. */
export function nodePaths(folder: string) {
  return {
    init: join(folder, 'init.sh'),
    ready: join(folder, 'ready'),
    hold: join(folder, 'hold'),
    containerd: join(folder, 'containerd'),
    containerdConfig: join(folder, 'containerd.toml'),
    kubeletConfig: join(folder, 'kubelet.json'),
    kubelet: join(folder, 'kubelet'),
    /** The node's /var/log. */
    logs: join(folder, 'log'),
    network: join(folder, 'pods.conflist'),
    packetRules: join(folder, 'pods.nft'),
    /** Local persistent volumes. */
    volumes: join(folder, 'volumes'),
  };
}

/** containerd 1.6 with runc, and what hosts without CAP_SYS_RESOURCE or hugetlb cgroups need. */
export function containerdConfig(folder: string): string {
  const plugin = 'plugins."io.containerd.grpc.v1.cri"';
  const unused = ['btrfs', 'zfs', 'aufs', 'devmapper'].map(
    (name) => `"io.containerd.snapshotter.v1.${name}"`,
  );
  return `version = 2
root = "${nodePaths(folder).containerd}"
state = "/run/containerd"
disabled_plugins = [${unused.join(', ')}]
[grpc]
  address = "${CONTAINERD_SOCKET}"
[${plugin}]
  sandbox_image = "${PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE no score may be lowered, and every pod would fail for it.
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  # Its profile would be loaded into the host's kernel and stay there.
  disable_apparmor = true
[${plugin}.containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"
[${plugin}.containerd.runtimes.runc]
  # crun refuses hosts that mount cgroup v1 and v2 side by side.
  runtime_type = "io.containerd.runc.v2"
[${plugin}.cni]
  bin_dir = "${CNI_PLUGINS}"
  conf_dir = "/etc/cni/net.d"
`;
}

/** Masquerading is a rule of our own (`packetRules`): the plugin's would hide pods of other nodes. */
export function podNetwork({ podSubnet }: NodeAddress): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: POD_BRIDGE,
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: '/run/cni',
          ranges: [[{ subnet: podSubnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
}

/** Traffic of pods to the world outside the cluster leaves with the node's address. */
export function packetRules({ podSubnet }: NodeAddress, podCidr: string): string {
  return `table ip clawgym_pods {
  chain postrouting {
    type nat hook postrouting priority srcnat
    ip saddr ${podSubnet} ip daddr != ${podCidr} masquerade
  }
}
`;
}

export interface KubeletFiles {
  readonly authority: string;
  readonly serving: { readonly certificate: string; readonly key: string };
  /** Parent of the pods' cgroups; left out: the root. */
  readonly cgroup: string;
}

export function kubeletConfig({ authority, serving, cgroup }: KubeletFiles): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: authority },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: serving.certificate,
    tlsPrivateKeyFile: serving.key,
    clusterDomain: 'cluster.local',
    clusterDNS: [DNS_ADDRESS],
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    cgroupRoot: `/${cgroup}`,
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    makeIPTablesUtilChains: false,
    oomScoreAdj: 0,
    maxOpenFiles: 20_000,
    maxPods: 200,
    podPidsLimit: POD_PIDS_LIMIT,
    serializeImagePulls: false,
    imageGCHighThresholdPercent: 100,
    // The host's own shortage of memory or disk must not decide tests.
    evictionHard: {
      'memory.available': '20Mi',
      'nodefs.available': '1Mi',
      'nodefs.inodesFree': '1',
      'imagefs.available': '1Mi',
    },
    // How soon a pod that has written too much is noticed.
    volumeStatsAggPeriod: '5s',
    nodeLeaseDurationSeconds: LEASE_SECONDS,
    resolvConf: '/etc/resolv.conf',
    // Made by the kubelet where it is missing; the usual one lies in the host's /usr.
    volumePluginDir: '/run/volume-plugins',
  });
}

/** What the kubelet would set for the whole machine. */
const MACHINE_SETTINGS = {
  'vm/overcommit_memory': '1',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
} as const;

/** Bridge of a node's pods. */
export const POD_BRIDGE = 'cni0';

/** Addresses of ended pods come back on other interfaces: the old neighbour is given up within 2 s. */
const NEIGHBOUR_SETTINGS = {
  delay_first_probe_time: '1',
  retrans_time_ms: '200',
  ucast_solicit: '1',
} as const;

/** Shell lines for the node's network namespace once the bridge of its pods is there. */
export function bridgeSettings(): string {
  return Object.entries(NEIGHBOUR_SETTINGS)
    .map(([file, value]) => `echo ${value} > /proc/sys/net/ipv4/neigh/${POD_BRIDGE}/${file}`)
    .join(' && ');
}

/** Per network namespace. */
const NETWORK_SETTINGS = {
  'net/ipv4/ip_forward': '1',
  'net/bridge/bridge-nf-call-iptables': '1',
} as const;

/** Where a node's programs write at paths of their own choice: the host must not see it. */
const OWN_FOLDERS = ['/etc', '/opt', '/var/lib'];

/** What a kubelet of the host itself would keep there. */
const STATE_OF_OTHERS = ['/etc/cni/net.d', '/opt/cni/bin', '/var/lib/cni', '/var/lib/kubelet'];

/** Shell lines: what is written to the folder stays in the node's memory. */
function overlay(folder: string): string {
  const own = `/run/own${folder}`;
  const layers = `lowerdir=${folder},upperdir=${own}/upper,workdir=${own}/work`;
  return `mkdir -p ${own}/upper ${own}/work && mount -t overlay overlay -o ${layers} ${folder}`;
}

/**
 * First process of a node, started in fresh namespaces: it makes the node's own view of the host,
 * says so, and then only collects the processes that lose their parents. When it ends, the kernel
 * kills everything in the node's pid namespace, and with the last of it all mounts and interfaces go.
 */
export function initScript(name: string, folder: string): string {
  const paths = nodePaths(folder);
  const settings = Object.entries(MACHINE_SETTINGS).map(
    // The kubelet insists on these and they would change the host: let it read what it wants.
    ([file, value]) =>
      `echo ${value} > /run/setting-${value} && mount --bind /run/setting-${value} /proc/sys/${file}`,
  );
  const network = Object.entries(NETWORK_SETTINGS).map(
    ([file, value]) => `echo ${value} > /proc/sys/${file}`,
  );
  return `set -e
mount --make-rshared /
mount -t tmpfs tmpfs /run
${OWN_FOLDERS.map(overlay).join('\n')}
mount --bind ${paths.logs} /var/log
rm -rf ${STATE_OF_OTHERS.join(' ')}
mkdir -p /etc/cni/net.d /opt/cni /opt/kubelet
cp ${paths.network} /etc/cni/net.d/10-pods.conflist
rm -f /etc/resolv.conf
echo 'options timeout:1' > /etc/resolv.conf
ln -s ${CNI_PLUGINS} /opt/cni/bin
mount --bind ${paths.kubelet} /opt/kubelet
hostname ${name}
${settings.join('\n')}
${network.join('\n')}
mkfifo ${paths.hold}
exec 3<>${paths.hold}
echo > ${paths.ready}
while :; do read -r _ <&3 || true; done
`;
}
