import * as models from '@kubernetes/client-node';
import { z } from 'zod';

/**
 * Manifests against the models of the stock client, generated from the API server's OpenAPI: fields
 * that do not exist, values of the wrong kind, and the few required fields whose absence the types
 * do not tell. What an API server itself would say needs one; this needs nothing.
 */
const zField = z.object({ baseName: z.string(), type: z.string() });
const zModel = z.custom<{ getAttributeTypeMap(): unknown }>(
  (value) => typeof value === 'function' && 'getAttributeTypeMap' in value,
);
const zHead = z.looseObject({ apiVersion: z.string(), kind: z.string() });

const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  V1Container: ['name'],
  V1ContainerPort: ['containerPort'],
  V1EnvVar: ['name'],
  V1HostAlias: ['ip'],
  V1JobSpec: ['template'],
  V1DeploymentSpec: ['selector', 'template'],
  V1NetworkPolicySpec: ['podSelector'],
  V1OwnerReference: ['apiVersion', 'kind', 'name', 'uid'],
  V1PodFailurePolicyOnExitCodesRequirement: ['operator', 'values'],
  V1PodFailurePolicyOnPodConditionsPattern: ['type'],
  V1PodFailurePolicyRule: ['action'],
  V1PodSpec: ['containers'],
  V1PolicyRule: ['verbs'],
  V1ClusterRoleBinding: ['roleRef'],
  V1RoleBinding: ['roleRef'],
  V1ServiceAccountTokenProjection: ['path'],
  V1ServicePort: ['port'],
  V1StatefulSetSpec: ['selector', 'template'],
  V1Volume: ['name'],
  V1VolumeMount: ['name', 'mountPath'],
};

const SCALARS: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  any: () => true,
  Date: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  V1MicroTime: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  IntOrString: (value) => typeof value === 'string' || Number.isInteger(value),
};

/** A line for everything that is wrong: `$.spec.replica: unknown field`; empty where all is well. */
export function strictProblems(object: unknown): readonly string[] {
  const head = zHead.safeParse(object);
  if (!head.success) return ['$: expected apiVersion and kind'];
  const model = modelOfKind(head.data.apiVersion, head.data.kind);
  if (model === undefined) return [`$: unknown kind ${head.data.apiVersion} ${head.data.kind}`];
  return walkModel('$', object, model);
}

/** `V1Job` of `batch/v1` Job; Events are in two groups. */
function modelOfKind(apiVersion: string, kind: string): string | undefined {
  const [version = '', group = 'core'] = apiVersion.split('/').toReversed();
  const name = `${version.charAt(0).toUpperCase()}${version.slice(1)}${kind}`;
  const prefix = `${group.charAt(0).toUpperCase()}${(group.split('.')[0] ?? '').slice(1)}`;
  return [name, `${prefix}${name}`].find((known) => fieldsOf(known) !== undefined);
}

function fieldsOf(model: string): readonly z.infer<typeof zField>[] | undefined {
  const known = zModel.safeParse(Object.entries(models).find(([name]) => name === model)?.[1]);
  return known.success ? z.array(zField).parse(known.data.getAttributeTypeMap()) : undefined;
}

function walkModel(path: string, value: unknown, model: string): readonly string[] {
  const fields = fieldsOf(model);
  if (fields === undefined) return [`${path}: unknown model ${model}`];
  const object = z.record(z.string(), z.unknown()).safeParse(value);
  if (!object.success) return [`${path}: expected an object`];
  const missing = (REQUIRED[model] ?? [])
    .filter((name) => object.data[name] === undefined)
    .map((name) => `${path}: no ${name}`);
  const odd = Object.entries(object.data).flatMap(([name, member]) => {
    const field = fields.find(({ baseName }) => baseName === name);
    if (field === undefined) return [`${path}.${name}: unknown field`];
    return walk(`${path}.${name}`, member, field.type);
  });
  return [...missing, ...odd];
}

function walk(path: string, value: unknown, type: string): readonly string[] {
  const item = /^Array<(.+)>$/.exec(type)?.[1];
  if (item !== undefined) {
    if (!Array.isArray(value)) return [`${path}: expected a list`];
    return value.flatMap((each, index) => walk(`${path}[${index}]`, each, item));
  }
  const member = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (member !== undefined) {
    const map = z.record(z.string(), z.unknown()).safeParse(value);
    if (!map.success) return [`${path}: expected a map`];
    return Object.entries(map.data).flatMap(([key, each]) => walk(`${path}.${key}`, each, member));
  }
  const scalar = SCALARS[type];
  if (scalar === undefined) return walkModel(path, value, type);
  return scalar(value) ? [] : [`${path}: expected ${type}, got ${JSON.stringify(value)}`];
}
