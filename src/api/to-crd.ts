import { dump } from 'js-yaml';
import { ClawError } from '../base/error.ts';
import type { PrinterColumn, Resource } from './define-resource.ts';
import { DNS_LABEL } from './fields.ts';
import { MAX_NAME_LENGTH } from './metadata.ts';
import { immutableRules, VALIDATIONS_KEY } from './rules.ts';
import type { SchemaNode } from './schema-node.ts';
import { toSchema } from './to-schema.ts';

/** First lines of every generated CRD. */
export const CRD_HEADER =
  '# Generated from src/api by `npm run generate`; do not edit. `npm run check` finds drift.\n';

/** CustomResourceDefinition of apiextensions.k8s.io/v1, as far as this project writes it. */
export interface Crd {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly names: Readonly<Record<string, string | readonly string[]>>;
    readonly scope: 'Namespaced' | 'Cluster';
    readonly versions: readonly CrdVersion[];
  };
}

/**
 * The status of an object that no controller has seen yet. Generations begin with 1, so programs that
 * compare the two (kstatus) see work to do, where without a status they would see none.
 */
const UNSEEN = { observedGeneration: 0 };

interface CrdVersion {
  readonly name: string;
  readonly served: true;
  readonly storage: true;
  readonly additionalPrinterColumns: readonly PrinterColumn[];
  readonly selectableFields: readonly { readonly jsonPath: string }[];
  readonly subresources: { readonly status?: object };
  readonly schema: { readonly openAPIV3Schema: SchemaNode };
}

/** File name of a kind's CRD, as the common generators name it. */
export function crdFileName(resource: Pick<Resource, 'group' | 'plural'>): string {
  return `${resource.group}_${resource.plural}.yaml`;
}

export function toCrd(resource: Resource): Crd {
  const { group, kind, plural, singular, shortNames, categories } = resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        shortNames,
        categories,
      },
      scope: resource.scope ?? 'Namespaced',
      versions: [
        {
          name: resource.version,
          served: true,
          storage: true,
          additionalPrinterColumns: resource.printerColumns,
          selectableFields: resource.selectableFields.map((jsonPath) => ({ jsonPath })),
          subresources: resource.reconciled === false ? {} : { status: {} },
          schema: { openAPIV3Schema: rootSchema(resource) },
        },
      ],
    },
  };
}

/** The YAML file of a CRD, header included. */
export function renderCrd(resource: Resource): string {
  return CRD_HEADER + dump(toCrd(resource), { lineWidth: 100, noRefs: true });
}

/**
 * The schema of the whole object as the API server wants it: metadata may restrict the name only,
 * apiVersion and kind are plain strings, and the immutability rules stand on spec.
 */
function rootSchema(resource: Resource): SchemaNode {
  const root = toSchema(resource.schema);
  const { apiVersion, kind, spec, status } = root.properties ?? {};
  if (!apiVersion || !kind || !spec || !status) {
    throw new ClawError(
      'Internal',
      `${resource.kind}: apiVersion, kind, spec or status is missing`,
    );
  }
  return {
    ...root,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: apiVersion.description ?? '' },
      kind: { type: 'string', description: kind.description ?? '' },
      metadata: {
        type: 'object',
        properties: {
          name: { type: 'string', maxLength: MAX_NAME_LENGTH, pattern: DNS_LABEL.source },
        },
      },
      spec: withRulesAdded(spec, immutableRules(resource.immutable)),
      ...(resource.reconciled !== false && { status: { ...status, default: UNSEEN } }),
    },
  };
}

function withRulesAdded(
  node: SchemaNode,
  rules: readonly { readonly rule: string; readonly message: string }[],
): SchemaNode {
  const all = [...(node[VALIDATIONS_KEY] ?? []), ...rules];
  return all.length === 0 ? node : { ...node, [VALIDATIONS_KEY]: all };
}
