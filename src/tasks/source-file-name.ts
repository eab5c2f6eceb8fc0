/** A file system's longest name less what is put before and behind. */
const MAX_CHARS = 100;

/**
 * A plain file name for tasks that come under a name of somebody's choice, such as a ConfigMap's key: its
 * end is kept, since importers tell formats that look alike by it.
 */
export function sourceFileName(name: string): string {
  return `tasks-${name.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(-MAX_CHARS)}`;
}
