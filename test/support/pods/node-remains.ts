import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { NodeLayerState } from '../../cluster/node/node-state.ts';

/** Paths that containerd, kubelet, kube-proxy and network plugins write to by themselves. */
const PLACES = [
  '/etc/cni/net.d/10-pods.conflist',
  '/opt/cni',
  '/opt/kubelet',
  '/run/cni',
  '/run/containerd',
  '/run/netns',
  '/usr/libexec/kubernetes',
  '/var/lib/cni',
  '/var/lib/containerd',
  '/var/lib/kubelet',
  '/var/lib/kube-proxy',
  '/var/log/containers',
  '/var/log/pods',
];

/** Which of those paths the host has, and what in them names this text. */
export function hostPlaces(text: string): readonly string[] {
  return PLACES.filter((path) => existsSync(path)).flatMap((path) => [
    path,
    ...namesIn(path).filter((name) => name.includes(text)),
  ]);
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Everything on the host that belongs to this cluster, a line each; empty when it is gone. */
export function remainsOf({ id }: NodeLayerState, stateFolder: string): readonly string[] {
  return [
    ...processes(id, stateFolder),
    ...Object.keys(networkInterfaces())
      .filter((name) => name === id)
      .map((name) => `interface ${name}`),
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(stateFolder) || line.includes(id))
      .map((line) => `mount ${line}`),
    ...cgroups(id),
    ...(existsSync(stateFolder) ? [`folder ${stateFolder}`] : []),
  ];
}

/** Those of its programs name its folder, those of its pods are in its cgroups. */
function processes(id: string, stateFolder: string): readonly string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      const text = read(`/proc/${pid}/cmdline`) + read(`/proc/${pid}/cgroup`);
      return text.includes(stateFolder) || text.includes(`/${id}-`);
    })
    .map((pid) => `process ${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`);
}

function cgroups(id: string): readonly string[] {
  const root = '/sys/fs/cgroup';
  return ['.', ...readdirSync(root)]
    .flatMap((folder) => namesIn(join(root, folder)).map((name) => join(folder, name)))
    .filter((path) => path.includes(`${id}-`))
    .map((path) => `cgroup ${path}`);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
