import { z } from 'zod';
import { ClawError } from '../../../src/base/error.ts';
import {
  type ClusterFeatures,
  clusterFeatures,
  type PodInstallation,
  type PodSettings,
} from '../../../src/engines/kubernetes/settings.ts';
import type { ClawGymServer, ServerCall } from '../../../src/protocol/claw-gym-server.ts';
import type { ServerInfo } from '../../../src/protocol/operator-api.ts';
import type { Clock } from '../../kube/base/clock.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import type { ObjectKey } from '../../kube/objects/object-key.ts';
import { services } from '../shared/kube-kinds.ts';

const zVersion = z.looseObject({ major: z.string(), minor: z.string() });
/** How old an answer may be: a new address or CA starts new Jobs. */
const FRESH_MS = 15_000;

export interface InstallationOptions {
  readonly client: KubeClient;
  readonly server: ClawGymServer;
  readonly clock: Clock;
  readonly settings: PodSettings;
  /** Service of the sandbox listener. */
  readonly service: ObjectKey;
}

export interface Installation {
  readonly pods: PodInstallation;
  readonly info: ServerInfo;
}

/** What pods need to find and trust the server, read anew every now and then for all batches at once. */
export class InstallationReader {
  readonly #options: InstallationOptions;
  #known: { readonly at: number; readonly value: Installation } | undefined;
  #features: ClusterFeatures | undefined;

  constructor(options: InstallationOptions) {
    this.#options = options;
  }

  async current(call: ServerCall): Promise<Installation> {
    const { client, clock, server, service, settings } = this.#options;
    if (this.#known !== undefined && clock.monotonic() - this.#known.at < FRESH_MS)
      return this.#known.value;
    const [info, found, features] = await Promise.all([
      server.info(call),
      client.for(services).get(service, call),
      this.#features ?? this.#readFeatures(call),
    ]);
    const { clusterIP } = found.spec;
    if (clusterIP === undefined || clusterIP === '' || clusterIP === 'None')
      throw new ClawError(
        'ServerUnavailable',
        `Service ${service.namespace}/${service.name} has no ClusterIP, which sandbox pods need`,
        { retryable: true },
      );
    this.#features = features;
    const pods = { settings, server: { clusterIP, caBundle: info.caBundle }, features };
    this.#known = { at: clock.monotonic(), value: { pods, info } };
    return this.#known.value;
  }

  async #readFeatures({ signal }: ServerCall): Promise<ClusterFeatures> {
    const raw = await this.#options.client.transport.request({
      method: 'GET',
      path: '/version',
      verb: 'get',
      resource: 'version',
      signal,
    });
    return clusterFeatures(zVersion.parse(raw));
  }
}
