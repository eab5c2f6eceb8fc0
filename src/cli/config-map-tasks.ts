import type { ForeignObject } from '../api/parse-manifest.ts';
import type { TaskSource } from '../api/task-source.ts';
import { isRecord } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import { ownValue } from '../base/own-value.ts';
import { sourceFileName } from '../tasks/source-file-name.ts';

/** Tasks that stand in a ConfigMap of the manifest. */
export interface TasksContent {
  /** A plain file name, from the key: importers tell formats by it. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * The value of a ConfigMap's key among the objects that were given with a run. Throws
 * `InvalidManifest` where the ConfigMap is not among them or lacks the key.
 */
export function configMapTasks(
  { name, key }: NonNullable<TaskSource['configMap']>,
  beside: readonly ForeignObject[],
): TasksContent {
  const maps = beside.filter(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'ConfigMap');
  const found = maps.find((map) => map.name === name);
  if (found === undefined) {
    const there = maps.map((map) => map.name).join(', ') || 'none';
    throw new ClawError(
      'InvalidManifest',
      `spec.tasks.configMap: the manifest has no ConfigMap ${name}, found ${there}; put it into the same file or into the folder that -f names, or name the tasks by spec.tasks.path`,
    );
  }
  const file = sourceFileName(key);
  const { data, binaryData } = found.value;
  const text = isRecord(data) ? ownValue(data, key) : undefined;
  if (typeof text === 'string') return { name: file, bytes: Buffer.from(text, 'utf8') };
  const base64 = isRecord(binaryData) ? ownValue(binaryData, key) : undefined;
  if (typeof base64 === 'string') {
    return { name: file, bytes: Buffer.from(base64.replaceAll(/\s/g, ''), 'base64') };
  }
  const keys = [data, binaryData].flatMap((part) => (isRecord(part) ? Object.keys(part) : []));
  throw new ClawError(
    'InvalidManifest',
    `spec.tasks.configMap.key: ConfigMap ${name} has no text at ${JSON.stringify(key)}, found ${keys.join(', ') || 'no keys'}`,
  );
}
