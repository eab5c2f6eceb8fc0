import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DEFAULT_SNAPSHOT_CAPS } from '../phases/snapshot-caps.ts';
import { unpackSnapshot } from '../phases/unpack-snapshot.ts';
import type { AttemptRow } from '../store/records.ts';
import { findAttempt } from './find-rollout.ts';
import { makeNewFolder } from './new-folder.ts';
import type { ReadContext } from './read-context.ts';
import { rolloutDetail } from './rollout-detail.ts';

/** A snapshot was taken under the caps of its run, which may have been wider than the defaults. */
const CAPS = { ...DEFAULT_SNAPSHOT_CAPS, entries: Number.MAX_SAFE_INTEGER };

/**
 * Writes workspace, logs, calls and rows of one attempt into a new folder; returns the line that
 * names it. Never writes into a folder that exists.
 */
export async function downloadRollout(context: ReadContext): Promise<string> {
  const { store, artifacts, rollout, name, options } = context;
  const attempt = await findAttempt(store, rollout, options.attempt);
  const folder = resolve(options.to ?? '.', name.replaceAll('/', '_'));
  await makeNewFolder(folder);
  if (attempt.end?.snapshot !== undefined) {
    const workspace = join(folder, 'workspace');
    await mkdir(workspace);
    await unpackSnapshot(await artifacts.stream(attempt.end.snapshot), workspace, CAPS);
  }
  await writeLogs(folder, attempt, context);
  await writeCalls(join(folder, 'calls'), attempt, context);
  const detail = JSON.stringify(await rolloutDetail(context), null, 2);
  await writeFile(join(folder, 'rollout.json'), `${detail}\n`);
  return `${folder}\n`;
}

async function writeLogs(
  folder: string,
  attempt: AttemptRow,
  { artifacts }: ReadContext,
): Promise<void> {
  const logs = { 'stdout.txt': attempt.end?.stdout, 'stderr.txt': attempt.end?.stderr };
  for (const [name, digest] of Object.entries(logs)) {
    if (digest !== undefined) await writeFile(join(folder, name), await artifacts.read(digest));
  }
}

async function writeCalls(
  folder: string,
  attempt: AttemptRow,
  { store, artifacts }: ReadContext,
): Promise<void> {
  const calls = await store.listCalls(attempt.id);
  if (calls.length === 0) return;
  await mkdir(folder);
  for (const { sequence, request, finish } of calls) {
    const name = String(sequence).padStart(3, '0');
    await writeFile(join(folder, `${name}-request.json`), await artifacts.read(request));
    if (finish === undefined) continue;
    const suffix = finish.contentType.includes('event-stream') ? 'sse' : 'json';
    await writeFile(
      join(folder, `${name}-response.${suffix}`),
      await artifacts.read(finish.response),
    );
  }
}
