import { join } from 'node:path';
import { probe } from './api-probe.ts';
import { ensurePrograms } from './binaries.ts';
import type { ClusterHost } from './cluster-host.ts';
import {
  apiServerFlags,
  controllerManagerFlags,
  DEFAULT_SERVICE_CIDR,
  etcdFlags,
  type FlagInput,
  schedulerFlags,
  serviceAddress,
} from './control-plane-flags.ts';
import type {
  ClusterUser,
  ControlPlane,
  ControlPlaneOptions,
  ControlPlanePorts,
  NodeCredentials,
} from './control-plane-options.ts';
import { freePorts } from './free-ports.ts';
import { ensureHostPackages } from './host-packages.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { type Credential, createPki, type Pki } from './pki.ts';

/** Names of the programs of every control plane, for stopping and restarting. */
export const API_SERVER = 'kube-apiserver';
export const ETCD = 'etcd';
export const CONTROLLER_MANAGER = 'kube-controller-manager';
export const SCHEDULER = 'kube-scheduler';

const READY_SECONDS = 120;
const OK = 200;

/**
 * Starts etcd, API server, controller manager and scheduler and waits until pods can be created in
 * the namespace `default`. Needs no root unless `enter` does. The programs belong to `host.programs`.
 */
export async function startControlPlane(
  host: ClusterHost,
  options: ControlPlaneOptions,
): Promise<ControlPlane> {
  await ensureHostPackages(host);
  const programs = await ensurePrograms([ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER], {
    ...host,
    release: options.release ?? 'current',
  });
  const { kubectl } = await ensurePrograms(['kubectl'], host);
  const folder = join(host.stateFolder, 'pki');
  const pki = await createPki(folder, host.env);
  const ports = options.ports ?? (await chosenPorts());
  const url = `https://${options.advertiseAddress}:${ports.apiServer}`;
  const plane = new StartedControlPlane({ url, pki, kubectl, folder: host.stateFolder });
  const [input, admin, kubeconfigs] = await issueAll(host, options, ports, plane);
  const common = { enter: options.enter ?? [], env: options.programEnv ?? {} };
  const start = (name: keyof typeof programs, flags: readonly string[]) =>
    host.programs.start({ name, ...common, argv: [programs[name], ...flags] }, host.signal);
  host.logger.info({}, 'starting etcd and the API server');
  await start(ETCD, etcdFlags(input));
  await host.programs.start(
    {
      name: API_SERVER,
      ...common,
      argv: [programs[API_SERVER], ...apiServerFlags(input)],
      ready: async () => (await probe(`${url}/readyz`, pki.authority.certificate, admin)) === OK,
      readySeconds: READY_SECONDS,
      // Its own drain waits up to a minute for watches that tests leave open.
      stopSeconds: 5,
    },
    host.signal,
  );
  host.logger.info({}, 'starting the controller manager and the scheduler');
  const account = `${url}/api/v1/namespaces/default/serviceaccounts/default`;
  await Promise.all([
    host.programs.start(
      {
        name: CONTROLLER_MANAGER,
        ...common,
        argv: [
          programs[CONTROLLER_MANAGER],
          ...controllerManagerFlags(input, kubeconfigs.controllerManager),
        ],
        // Without its service account admission refuses every pod of a namespace.
        ready: async () => (await probe(account, pki.authority.certificate, admin)) === OK,
        readySeconds: READY_SECONDS,
      },
      host.signal,
    ),
    start(SCHEDULER, schedulerFlags(input, kubeconfigs.scheduler)),
  ]);
  return plane;
}

interface Kubeconfigs {
  readonly controllerManager: string;
  readonly scheduler: string;
}

/** All certificates and kubeconfigs, made at the same time: each is a process of openssl. */
async function issueAll(
  host: ClusterHost,
  options: ControlPlaneOptions,
  ports: ControlPlanePorts,
  plane: StartedControlPlane,
): Promise<readonly [FlagInput, Credential, Kubeconfigs]> {
  const { pki } = plane;
  const address = serviceAddress(options.serviceCidr ?? DEFAULT_SERVICE_CIDR);
  const names = ['IP:127.0.0.1', `IP:${options.advertiseAddress}`, `IP:${address}`];
  const services = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const domains = ['localhost', ...services].map((name) => `DNS:${name}`);
  const [serving, admin, controllerManager, scheduler] = await Promise.all([
    pki.issue({
      name: 'apiserver',
      commonName: 'kube-apiserver',
      alternativeNames: [...new Set([...names, ...domains, ...(options.extraSans ?? [])])],
    }),
    plane.issueAdmin(),
    plane.kubeconfigFor({ name: 'system:kube-controller-manager' }),
    plane.kubeconfigFor({ name: 'system:kube-scheduler' }),
  ]);
  const { stateFolder } = host;
  const input = { options, ports, pki, serving, kubeletClient: admin, stateFolder };
  return [input, admin, { controllerManager, scheduler }];
}

async function chosenPorts(): Promise<ControlPlanePorts> {
  const [apiServer = 0, etcdClient = 0, etcdPeer = 0] = await freePorts(3);
  return { apiServer, etcdClient, etcdPeer };
}

interface Parts {
  readonly url: string;
  readonly pki: Pki;
  readonly kubectl: string;
  readonly folder: string;
}

class StartedControlPlane implements ControlPlane {
  readonly url: string;
  readonly pki: Pki;
  readonly kubectl: string;
  readonly kubeconfig: string;
  readonly #folder: string;
  readonly #kubeconfigs = new Map<string, Promise<string>>();

  constructor({ url, pki, kubectl, folder }: Parts) {
    this.url = url;
    this.pki = pki;
    this.kubectl = kubectl;
    this.kubeconfig = join(folder, 'kubeconfig');
    this.#folder = folder;
  }

  async issueAdmin(): Promise<Credential> {
    const request = { name: 'admin', commonName: 'admin', organization: 'system:masters' };
    const admin = await this.pki.issue(request);
    await this.#write(this.kubeconfig, admin);
    return admin;
  }

  kubeconfigFor(user: ClusterUser): Promise<string> {
    // Two that ask at once get one pair: written twice at a time, key and certificate may not match.
    const key = `${user.name}/${user.group ?? ''}`;
    const known = this.#kubeconfigs.get(key) ?? this.#makeKubeconfig(user);
    this.#kubeconfigs.set(key, known);
    return known;
  }

  async #makeKubeconfig(user: ClusterUser): Promise<string> {
    const name = user.name.replaceAll(/[^a-z0-9.-]/gi, '-');
    const path = join(this.#folder, `${name}.kubeconfig`);
    const organization = user.group === undefined ? {} : { organization: user.group };
    await this.#write(path, await this.pki.issue({ name, commonName: user.name, ...organization }));
    return path;
  }

  async nodeCredentials(name: string, address: string): Promise<NodeCredentials> {
    const serving = await this.pki.issue({
      name: `node-${name}`,
      commonName: `system:node:${name}`,
      organization: 'system:nodes',
      alternativeNames: [`DNS:${name}`, `IP:${address}`],
    });
    const kubeconfig = join(this.#folder, `node-${name}.kubeconfig`);
    await this.#write(kubeconfig, serving);
    return { kubeconfig, serving };
  }

  #write(path: string, client: Credential): Promise<void> {
    return writeKubeconfig(path, {
      server: this.url,
      authority: this.pki.authority.certificate,
      client,
    });
  }
}
