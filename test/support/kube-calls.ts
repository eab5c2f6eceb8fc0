import type {
  JsonPatchOperation,
  Patch,
  ResourceClient,
} from '../../operator/kube/client/resource-client.ts';
import type { KubeObject } from '../../operator/kube/objects/kube-object.ts';
import type { Resource } from '../../operator/kube/objects/resource.ts';

type Calls<T extends KubeObject> = Partial<Omit<ResourceClient<T>, 'resource'>>;

/** A client that does what the test scripts and refuses everything else. */
export function clientOf<T extends KubeObject = KubeObject>(
  calls: Calls<T>,
  kind = 'ConfigMap',
): ResourceClient<T> {
  const resource: Resource<T> = {
    group: '',
    version: 'v1',
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced: true,
    parse: () => {
      throw new Error('the script has no raw objects');
    },
  };
  const refuse = (): never => {
    throw new Error('the script has no such call');
  };
  return {
    resource,
    get: refuse,
    list: refuse,
    pages: refuse,
    create: refuse,
    replace: refuse,
    apply: refuse,
    applyStatus: refuse,
    patch: refuse,
    delete: refuse,
    watch: refuse,
    ...calls,
  };
}

/** An object as the API server would give it. */
export function kubeObject(
  name: string,
  metadata: Partial<KubeObject['metadata']> = {},
  rest: Readonly<Record<string, unknown>> = {},
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'ns', uid: `uid-${name}`, resourceVersion: '7', ...metadata },
    ...rest,
  };
}

/** A client whose JSON Patches succeed with `answer`; `operations` keeps what they held. */
export function patchedClient(answer: KubeObject): {
  readonly client: ResourceClient<KubeObject>;
  readonly operations: JsonPatchOperation[];
} {
  const operations: JsonPatchOperation[] = [];
  const patch = async (_key: unknown, body: Patch): Promise<KubeObject> => {
    if (body.type === 'json') operations.push(...body.operations);
    return answer;
  };
  return { client: clientOf({ patch }), operations };
}
