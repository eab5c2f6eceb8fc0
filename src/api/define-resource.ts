import { z } from 'zod';
import { type Metadata, zMetadata } from './metadata.ts';
import { type Rule, withRules } from './rules.ts';

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 1: shown with `-o wide` only. */
  readonly priority?: 0 | 1;
}

export interface ResourceOptions<
  Kind extends string,
  Spec extends z.ZodType,
  Status extends z.ZodType,
> {
  readonly group: string;
  readonly version: string;
  readonly kind: Kind;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Absent: namespaced. */
  readonly scope?: 'Namespaced' | 'Cluster';
  /** False for a kind that is only read: it has no status, and nothing waits for one. Absent: true. */
  readonly reconciled?: boolean;
  /** Shown by `kubectl explain KIND`. */
  readonly description: string;
  readonly spec: Spec;
  readonly status: Status;
  readonly printerColumns: readonly PrinterColumn[];
  /** JSON paths for `--field-selector`; scalar fields of spec or status. */
  readonly selectableFields: readonly string[];
  /** Top-level fields of spec that cannot change after creation. */
  readonly immutable: readonly string[];
  /** Further rules at the root; `self` is the whole object. */
  readonly validations: readonly Rule<{ readonly metadata: Metadata }>[];
}

/** One kind: options plus the schema of the whole object. The single source of everything. */
export interface Resource<
  Kind extends string = string,
  Spec extends z.ZodType = z.ZodType,
  Status extends z.ZodType = z.ZodType,
> extends ResourceOptions<Kind, Spec, Status> {
  readonly apiVersion: string;
  readonly schema: ReturnType<typeof objectSchema<Kind, Spec, Status>>;
}

/**
 * Defines a kind: namespaced and with a status subresource, unless the options say otherwise.
 *
 * @example defineResource({ group: 'clawgym.io', version: 'v1alpha1', kind: 'BenchRun', ... })
 */
export function defineResource<
  const Kind extends string,
  Spec extends z.ZodType,
  Status extends z.ZodType,
>(options: ResourceOptions<Kind, Spec, Status>): Resource<Kind, Spec, Status> {
  return {
    ...options,
    apiVersion: `${options.group}/${options.version}`,
    schema: objectSchema(options),
  };
}

function objectSchema<Kind extends string, Spec extends z.ZodType, Status extends z.ZodType>(
  options: ResourceOptions<Kind, Spec, Status>,
) {
  const schema = z
    .object({
      apiVersion: z
        .literal(`${options.group}/${options.version}`)
        .describe('Version of this schema.'),
      kind: z.literal(options.kind).describe('Kind of this object.'),
      metadata: zMetadata,
      spec: options.spec,
      status: options.status.optional(),
    })
    .describe(options.description);
  return withRules(schema, options.validations);
}
