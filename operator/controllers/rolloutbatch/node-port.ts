import { connect } from 'node:net';
import { z } from 'zod';
import type { PodSettings } from '../../../src/engines/kubernetes/settings.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
import type { CallOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { zKubeObject } from '../../kube/objects/kube-object.ts';
import { defineResource } from '../../kube/objects/resource.ts';

const zPort = z.looseObject({
  protocol: z.string().default('TCP'),
  port: z.number(),
  nodePort: z.number().optional(),
});
const zService = zKubeObject.extend({
  spec: z.looseObject({
    clusterIP: z.string().optional(),
    selector: z.record(z.string(), z.string()).nullish(),
    ports: z.array(zPort).nullish(),
  }),
});
const services = defineResource({
  ...{ group: '', version: 'v1', namespaced: true, kind: 'Service', plural: 'services' },
  schema: zService,
});

/** Services of a page, the only one that is read, and tries among them. */
const MOST_SERVICES = 500;
const MOST_TRIES = 5;
const TRY_MS = 1000;

export type Reach = (host: string, port: number, signal: AbortSignal) => Promise<boolean>;

/** Pods that sandboxes may reach. */
export type Open = PodSettings['server'];

/**
 * A port that nodes open for a Service which answers us: what a sandbox must not reach, and of which
 * "closed" proves something. Undefined where there is none, or nobody lets us look.
 *
 * @param namespace undefined: the whole cluster
 */
export async function answeringNodePort(
  client: KubeClient,
  namespace: string | undefined,
  { open, reach }: { readonly open: Open; readonly reach: Reach },
  call: CallOptions,
): Promise<number | undefined> {
  let tries = 0;
  for (const { clusterIP, port, nodePort } of await nodePorts(client, namespace, open, call)) {
    tries += 1;
    if (tries > MOST_TRIES) return undefined;
    if (await reach(clusterIP, port, AbortSignal.any([call.signal, AbortSignal.timeout(TRY_MS)])))
      return nodePort;
  }
  return undefined;
}

interface OpenPort {
  readonly clusterIP: string;
  readonly port: number;
  readonly nodePort: number;
}

async function nodePorts(
  client: KubeClient,
  namespace: string | undefined,
  open: Open,
  call: CallOptions,
): Promise<readonly OpenPort[]> {
  try {
    const options = { ...call, limit: MOST_SERVICES, onInvalid: () => undefined };
    for await (const { items } of client.for(services).pages({ namespace }, options))
      return items
        .filter((service) => !isFor(open, service))
        .flatMap(({ spec: { clusterIP = '', ports } }) =>
          (ports ?? []).flatMap(({ protocol, port, nodePort }) =>
            protocol === 'TCP' && nodePort !== undefined && /[.:]/.test(clusterIP)
              ? [{ clusterIP, port, nodePort }]
              : [],
          ),
        );
    return [];
  } catch (thrown) {
    if (thrown instanceof KubeError && thrown.code === 'Forbidden') return [];
    throw thrown;
  }
}

function isFor(
  { namespace, podLabels }: Open,
  { metadata, spec: { selector } }: z.infer<typeof zService>,
): boolean {
  const wanted = Object.entries(selector ?? {});
  return (
    metadata.namespace === namespace &&
    wanted.length > 0 &&
    wanted.every(([key, value]) => podLabels[key] === value)
  );
}

/** Whether something takes a TCP connection there. */
export async function reachTcp(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, signal });
  socket.once('connect', () => resolve(true));
  socket.once('error', () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}
