import { YAMLException } from 'js-yaml';
import { isRecord } from '../base/brand.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { BenchRun } from './bench-run.ts';
import type { ClawTask } from './claw-task.ts';
import { type FieldPath, formatFieldPath, showValue, valueAt } from './field-path.ts';
import { GROUP, VERSION } from './group.ts';
import { issueText } from './issue-text.ts';
import { isKind, KINDS, type Kind } from './kinds.ts';
import { loadDocument, splitDocuments, type YamlDocument } from './kube-yaml.ts';
import { type ManifestProblem, manifestError } from './manifest-problem.ts';
import { nearMiss } from './near-miss.ts';
import { pruneNulls } from './prune-nulls.ts';
import type { RolloutBatch } from './rollout-batch.ts';
import type { SchemaNode } from './schema-node.ts';
import type { SynthesisJob } from './synthesis-job.ts';
import { toSchema } from './to-schema.ts';
import type { TrainingRun } from './training-run.ts';
import type { ClusterTrainingRuntime, TrainingRuntime } from './training-runtime.ts';
import { unknownFields } from './unknown-fields.ts';

/** An object of one of our kinds, defaults filled in. */
export type ManifestObject =
  | ClawTask
  | RolloutBatch
  | BenchRun
  | SynthesisJob
  | TrainingRun
  | TrainingRuntime
  | ClusterTrainingRuntime;

/** An object of somebody else's kind, for example a ConfigMap that holds tasks; not validated. */
export interface ForeignObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export interface Manifest {
  readonly objects: readonly ManifestObject[];
  readonly foreign: readonly ForeignObject[];
  readonly problems: readonly ManifestProblem[];
}

/**
 * Reads a manifest as `kubectl apply --validate=strict` would: YAML or JSON, many documents, List
 * objects unpacked, nulls pruned, defaults filled in, unknown fields refused. A bad document is a
 * problem and never hides the others. `file` is only for messages.
 */
export function parseManifest(text: string, file: string): Manifest {
  const reader = new ManifestReader(file);
  for (const document of splitDocuments(text)) reader.document(document);
  return reader.result();
}

/** As `parseManifest`, but throws `InvalidManifest` with every problem where there is one. */
export function requireManifest(text: string, file: string): Manifest {
  const manifest = parseManifest(text, file);
  if (manifest.problems.length > 0) throw manifestError(manifest.problems);
  if (manifest.objects.length === 0) {
    throw new ClawError(
      'InvalidManifest',
      `${file} has no object of ${GROUP}; expected one of ${Object.keys(KINDS).join(', ')}`,
    );
  }
  return manifest;
}

type Place = Pick<ManifestProblem, 'document' | 'line' | 'object'>;

class ManifestReader {
  readonly #file: string;
  readonly #objects: ManifestObject[] = [];
  readonly #foreign: ForeignObject[] = [];
  readonly #problems: ManifestProblem[] = [];
  readonly #names = new Set<string>();
  readonly #schemas = new Map<Kind, SchemaNode>();

  constructor(file: string) {
    this.#file = file;
  }

  result(): Manifest {
    return { objects: this.#objects, foreign: this.#foreign, problems: this.#problems };
  }

  document({ index, line, text }: YamlDocument): void {
    const place = { document: index, line, object: '' };
    try {
      const value = pruneNulls(loadDocument(text));
      if (value !== null) this.#value(value, place);
    } catch (thrown) {
      const mark = thrown instanceof YAMLException ? thrown.mark : undefined;
      const reason = thrown instanceof YAMLException ? thrown.reason : errorMessage(thrown);
      this.#problem({ ...place, line: line + (mark?.line ?? 0) }, [], `not readable: ${reason}`);
    }
  }

  #value(value: unknown, place: Place): void {
    if (!isRecord(value)) {
      this.#problem(place, [], `got ${showValue(value)}, expected an object with apiVersion, kind`);
      return;
    }
    if (value['kind'] === 'List' && Array.isArray(value['items'])) {
      for (const item of value['items']) this.#value(item, place);
      return;
    }
    const { apiVersion, kind, metadata } = value;
    const name = isRecord(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : '';
    const named = { ...place, object: `${typeof kind === 'string' ? kind : '?'}/${name || '?'}` };
    if (typeof apiVersion !== 'string') {
      this.#problem(named, ['apiVersion'], `is required, for example ${GROUP}/${VERSION}`);
    } else if (typeof kind !== 'string') {
      this.#problem(named, ['kind'], `is required, one of ${Object.keys(KINDS).join(', ')}`);
    } else if (isKind(kind)) {
      this.#own(kind, value, named);
    } else if (apiVersion.split('/')[0] === GROUP) {
      const meant = nearMiss(kind, Object.keys(KINDS));
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      this.#problem(
        named,
        ['kind'],
        `got ${showValue(kind)}, expected one of ${Object.keys(KINDS).join(', ')}${hint}`,
      );
    } else {
      this.#foreign.push({ apiVersion, kind, name, value });
    }
  }

  #own(kind: Kind, value: Record<string, unknown>, place: Place): void {
    // The API server ignores status in what users apply.
    const { status: _status, ...applied } = value;
    const before = this.#problems.length;
    for (const { path, hint } of unknownFields(this.#schema(kind), applied)) {
      this.#problem(place, path, `unknown field; ${hint}`);
    }
    const parsed = KINDS[kind].schema.safeParse(applied);
    if (!parsed.success) {
      for (const issue of parsed.error.issues) {
        const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
        this.#problem(place, path, issueText(issue, valueAt(applied, path)));
      }
      return;
    }
    const key = `${place.object} in ${parsed.data.metadata.namespace ?? 'default'}`;
    if (this.#names.has(key)) {
      this.#problem(place, ['metadata', 'name'], 'another document has the same kind and name');
    }
    this.#names.add(key);
    if (this.#problems.length === before) this.#objects.push(parsed.data);
  }

  #schema(kind: Kind): SchemaNode {
    const known = this.#schemas.get(kind);
    if (known) return known;
    const schema = toSchema(KINDS[kind].schema);
    this.#schemas.set(kind, schema);
    return schema;
  }

  #problem(place: Place, path: FieldPath, message: string): void {
    this.#problems.push({ ...place, file: this.#file, field: formatFieldPath(path), message });
  }
}
