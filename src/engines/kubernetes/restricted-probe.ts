import { plainText } from '../../base/plain-text.ts';
import type { Container, Job, Pod, PodSpec } from './kube-types.ts';

/** A pod that the level `baseline` admits and `restricted` refuses: nothing is said of security. */
export type PlainPod = Omit<Pod, 'spec'> & {
  spec: Omit<PodSpec, 'securityContext' | 'containers' | 'initContainers'> & {
    containers: Omit<Container, 'securityContext'>[];
  };
};

export interface RestrictedProbe {
  readonly plain: PlainPod;
  /** As the Job controller will make it. */
  readonly sandbox: Pod;
}

/** What the API server says to a create with `dryRun=All`. */
export type DryRunAnswer =
  | { readonly admitted: true }
  | { readonly admitted: false; readonly message: string };

const VIOLATES = 'violates PodSecurity "restricted';
/** The quota is the last to be asked: who is refused by it has passed all else. */
const QUOTA = 'exceeded quota';

/** The two pods whose dry-run creates show whether a namespace enforces `restricted`. */
export function restrictedProbe(job: Job): RestrictedProbe {
  const { template } = job.spec;
  const { namespace } = job.metadata;
  const pod = (name: string): Omit<Pod, 'spec'> => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...template.metadata,
      name: `${job.metadata.name}-${name}`,
      ...(namespace === undefined ? {} : { namespace }),
    },
  });
  const { securityContext: _pod, initContainers: _init, ...spec } = template.spec;
  const containers = spec.containers.map((container) => {
    const { securityContext: _own, ...rest } = container;
    return rest;
  });
  return {
    plain: { ...pod('probe-plain'), spec: { ...spec, containers } },
    sandbox: { ...pod('probe'), spec: template.spec },
  };
}

/**
 * Why sandbox pods must not run in this namespace; undefined where it is proven that `restricted` is
 * enforced and that a sandbox pod passes (design: rollouts.md 6). A namespace label alone proves
 * nothing: the server may exempt namespaces or users.
 */
export function judgeRestricted(
  namespace: string,
  plain: DryRunAnswer,
  sandbox: DryRunAnswer,
): { readonly reason: 'NamespaceNotRestricted'; readonly message: string } | undefined {
  const refuse = (message: string) => ({ reason: 'NamespaceNotRestricted', message }) as const;
  if (plain.admitted) {
    return refuse(
      `namespace ${namespace} admits a pod without a security context, expected Pod Security level restricted: ` +
        `kubectl label namespace ${namespace} pod-security.kubernetes.io/enforce=restricted`,
    );
  }
  if (!plain.message.includes(VIOLATES)) {
    return refuse(
      `namespace ${namespace}: expected that Pod Security level restricted refuses a pod without a security context; ` +
        `the API server said: ${words(plain.message)}`,
    );
  }
  if (sandbox.admitted || sandbox.message.includes(QUOTA)) return undefined;
  return refuse(
    `namespace ${namespace} refuses sandbox pods; the API server said: ${words(sandbox.message)}`,
  );
}

const words = (message: string): string => plainText(message, 2000);
