import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingFile } from '../../protocol/training-api.ts';
import type { TrainingClient } from './training-client.ts';

/** Puts every regular file of a folder; its list is what the server is told next. */
export async function uploadFolder(
  dir: string,
  client: Pick<TrainingClient, 'put'>,
  giveUp: AbortSignal,
  takes: (path: string) => boolean = () => true,
): Promise<readonly TrainingFile[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .filter(takes)
    .toSorted();
  const files: TrainingFile[] = [];
  for (const path of paths) {
    const file = join(dir, path);
    const { size } = await stat(file);
    const put = await client.put(file, size, giveUp);
    files.push({ path, size: put.size, sha256: put.sha256 });
  }
  return files;
}
