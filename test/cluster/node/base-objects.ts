import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from './cluster-api.ts';
import { DNS_ADDRESS, nodePaths } from './node-files.ts';
import type { NodeState } from './node-state.ts';

/** StorageClass of volumes that live on one node each; the default one. */
export const LOCAL_CLASS = 'local';
/** StorageClass of volumes that every node can mount for writing. */
export const SHARED_CLASS = 'shared';
const LOCAL_VOLUMES_A_NODE = 4;
const SHARED_VOLUMES = 4;
const VOLUME_SIZE = '1Gi';
/** Pods of `restricted` namespaces run as any uid, and hostPath volumes are not given to their group. */
const ANYONE = 0o777;

/** StorageClasses and volumes, whose folders are made too. */
export function storageObjects(
  nodes: readonly NodeState[],
  sharedFolder: string,
): readonly Manifest[] {
  const local = nodes.flatMap((node) =>
    numbered(LOCAL_VOLUMES_A_NODE).map((number) => localVolume(node, `${node.name}-${number}`)),
  );
  const shared = numbered(SHARED_VOLUMES).map((number) =>
    sharedVolume(sharedFolder, `shared-${number}`),
  );
  return [storageClass(LOCAL_CLASS, true), storageClass(SHARED_CLASS, false), ...local, ...shared];
}

/**
 * A volume of 1 GiB on one node, with its folder. Nothing clears it: a volume serves one claim, and a
 * test that needs more applies more.
 */
export function localVolume(node: Pick<NodeState, 'name' | 'folder'>, name: string): Manifest {
  const path = join(nodePaths(node.folder).volumes, name);
  makeFolder(path);
  const expression = { key: 'kubernetes.io/hostname', operator: 'In', values: [node.name] };
  return volume(name, LOCAL_CLASS, ['ReadWriteOnce'], {
    local: { path },
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
  });
}

/** A volume of 1 GiB that pods of all nodes can write at the same time. */
export function sharedVolume(sharedFolder: string, name: string): Manifest {
  const path = join(sharedFolder, name);
  makeFolder(path);
  return volume(name, SHARED_CLASS, ['ReadWriteMany', 'ReadWriteOnce'], { hostPath: { path } });
}

function volume(
  name: string,
  storageClassName: string,
  accessModes: readonly string[],
  source: object,
): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: VOLUME_SIZE },
      accessModes,
      storageClassName,
      persistentVolumeReclaimPolicy: 'Retain',
      ...source,
    },
  };
}

function storageClass(name: string, isDefault: boolean): Manifest {
  const annotations = { 'storageclass.kubernetes.io/is-default-class': String(isDefault) };
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name, annotations },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
  };
}

function numbered(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, ANYONE);
}

const SYSTEM = 'kube-system';
const DNS = 'coredns';
const LABELS = { 'k8s-app': 'kube-dns' };
const COREFILE = `.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }
    cache 5
}
`;

/**
 * CoreDNS as one pod on one node, so that only that node needs its image. It answers names of the
 * cluster only: nothing here reaches the internet.
 */
export function dnsObjects(nodeName: string, image: string): readonly Manifest[] {
  const inSystem = { name: DNS, namespace: SYSTEM };
  const role = `system:${DNS}`;
  const subject = { kind: 'ServiceAccount', ...inSystem };
  const read = ['list', 'watch'];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: inSystem },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: role },
      rules: [
        { apiGroups: [''], resources: ['services', 'pods', 'namespaces'], verbs: read },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: role },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [subject],
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: inSystem, data: { Corefile: COREFILE } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: SYSTEM, labels: LABELS },
      spec: {
        clusterIP: DNS_ADDRESS,
        selector: LABELS,
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, protocol: 'TCP' },
        ],
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { ...inSystem, labels: LABELS },
      spec: {
        replicas: 1,
        selector: { matchLabels: LABELS },
        template: { metadata: { labels: LABELS }, spec: dnsPod(nodeName, image) },
      },
    },
  ];
}

function dnsPod(nodeName: string, image: string): object {
  return {
    serviceAccountName: DNS,
    priorityClassName: 'system-cluster-critical',
    dnsPolicy: 'Default',
    nodeSelector: { 'kubernetes.io/hostname': nodeName },
    tolerations: [{ operator: 'Exists' }],
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: DNS,
        image,
        args: ['-conf', '/etc/coredns/Corefile'],
        volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
        readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1 },
        resources: { limits: { memory: '170Mi' }, requests: { memory: '70Mi' } },
      },
    ],
    volumes: [{ name: 'config', configMap: { name: DNS } }],
  };
}
