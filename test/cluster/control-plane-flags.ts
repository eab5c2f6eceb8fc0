import { join } from 'node:path';
import type { ControlPlaneOptions, ControlPlanePorts } from './control-plane-options.ts';
import type { Credential, Pki } from './pki.ts';

export const DEFAULT_SERVICE_CIDR = '10.96.0.0/16';
const LOOPBACK = '127.0.0.1';

/** Everything that the command lines of the control plane are made of. */
export interface FlagInput {
  readonly options: ControlPlaneOptions;
  readonly ports: ControlPlanePorts;
  readonly pki: Pki;
  readonly serving: Credential;
  /** What the API server shows to kubelets for logs, exec and port-forward. */
  readonly kubeletClient: Credential;
  readonly stateFolder: string;
}

/** First address of a network in CIDR form with a last byte of 0: that of the Service `kubernetes`. */
export function serviceAddress(cidr: string): string {
  const [network = ''] = cidr.split('/');
  return network.replace(/\.0$/, '.1');
}

export function etcdFlags({ ports, stateFolder }: FlagInput): readonly string[] {
  const client = `http://${LOOPBACK}:${ports.etcdClient}`;
  const peer = `http://${LOOPBACK}:${ports.etcdPeer}`;
  return [
    `--data-dir=${join(stateFolder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    // A test's cluster need not survive the host: an fsync a write would triple the time of a start.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

export function apiServerFlags(input: FlagInput): readonly string[] {
  const { options, ports, pki, serving, kubeletClient } = input;
  const loopback = options.advertiseAddress.startsWith('127.');
  return [
    `--etcd-servers=http://${LOOPBACK}:${ports.etcdClient}`,
    `--bind-address=${options.bindAddress}`,
    `--advertise-address=${options.advertiseAddress}`,
    `--secure-port=${ports.apiServer}`,
    // Endpoints may not hold a loopback address: the reconciler would fail every ten seconds.
    ...(loopback ? ['--endpoint-reconciler-type=none'] : []),
    `--service-cluster-ip-range=${options.serviceCidr ?? DEFAULT_SERVICE_CIDR}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged',
    `--client-ca-file=${pki.authority.certificate}`,
    `--tls-cert-file=${serving.certificate}`,
    `--tls-private-key-file=${serving.key}`,
    `--kubelet-client-certificate=${kubeletClient.certificate}`,
    `--kubelet-client-key=${kubeletClient.key}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki.serviceAccounts.certificate}`,
    `--service-account-signing-key-file=${pki.serviceAccounts.key}`,
    ...(options.apiServerFlags ?? []),
  ];
}

/**
 * Requests a second of the controller manager. Its own 20 make a start 3 s longer, and would be what
 * a load test measures; `controllerManagerFlags` may set them back.
 */
const RATE = ['--kube-api-qps=200', '--kube-api-burst=400'];

export function controllerManagerFlags(input: FlagInput, kubeconfig: string): readonly string[] {
  const { options, pki } = input;
  const subnets = ['--allocate-node-cidrs', `--cluster-cidr=${options.podCidr}`];
  return [
    `--kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    '--secure-port=0',
    '--use-service-account-credentials',
    `--service-account-private-key-file=${pki.serviceAccounts.key}`,
    `--root-ca-file=${pki.authority.certificate}`,
    `--cluster-signing-cert-file=${pki.authority.certificate}`,
    `--cluster-signing-key-file=${pki.authority.key}`,
    ...RATE,
    ...(options.podCidr === undefined ? [] : subnets),
    ...(options.controllerManagerFlags ?? []),
  ];
}

export function schedulerFlags({ options }: FlagInput, kubeconfig: string): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    '--secure-port=0',
    ...(options.schedulerFlags ?? []),
  ];
}
