import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ClawError } from '../../base/error.ts';
import type { TaskSourceBody } from '../../protocol/operator-api.ts';
import { loadTaskSet } from '../../tasks/load-task-set.ts';
import { sourceFileName } from '../../tasks/source-file-name.ts';
import type { TaskSet } from '../../tasks/task-set.ts';
import { agentCodeScanner } from '../../verifiers/scan-agent-code.ts';
import { resolveClawTasks } from './claw-task-source.ts';
import { type DownloadRules, download } from './download.ts';
import type { TaskSetShelf } from './task-set-shelf.ts';

export interface SourceDeps {
  readonly shelf: TaskSetShelf;
  /** Folder for sources on their way to a task set. */
  readonly scratch: string;
  readonly newName: () => string;
  readonly download: DownloadRules;
}

export interface ResolvedSource {
  readonly set: TaskSet;
  /** Why tasks were left out; empty where all were taken. */
  readonly problems: readonly string[];
}

/** Reads a source once and freezes it as a stored task set (design: rollouts.md 8). */
export async function resolveSource(
  source: TaskSourceBody,
  deps: SourceDeps,
  signal: AbortSignal,
): Promise<ResolvedSource> {
  switch (source.kind) {
    case 'digest':
      return { set: await deps.shelf.get(source.digest), problems: [] };
    case 'tasks': {
      const { entries, blobs, problems } = await resolveClawTasks(source, deps.shelf, signal);
      if (entries.length === 0) throw refused(problems);
      return { set: await deps.shelf.store(entries, blobs), problems };
    }
    case 'text':
      return await fromFile(source.name, deps, signal, (file) =>
        writeFile(file, source.text, { flag: 'wx', mode: 0o600 }),
      );
    case 'url': {
      const name = basename(URL.parse(source.url)?.pathname ?? '');
      return await fromFile(name, deps, signal, (file) =>
        download(source, file, deps.download, signal),
      );
    }
  }
}

/** As `resolveSource`, where one refused task is enough to refuse the source. */
export async function resolveWholeSource(
  source: TaskSourceBody,
  deps: SourceDeps,
  signal: AbortSignal,
): Promise<TaskSet> {
  const { set, problems } = await resolveSource(source, deps, signal);
  if (problems.length > 0) throw refused(problems);
  return set;
}

async function fromFile(
  name: string,
  { shelf, scratch, newName }: SourceDeps,
  signal: AbortSignal,
  fill: (file: string) => Promise<void>,
): Promise<ResolvedSource> {
  const folder = join(scratch, newName());
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    const file = join(folder, sourceFileName(name));
    await fill(file);
    const loaded = await loadTaskSet(file, {
      scanAgentCode: agentCodeScanner,
      signal,
    });
    try {
      const problems = loaded.problems.map(({ message }) => message);
      if (loaded.set.tasks.length === 0) throw refused(problems);
      return { set: await shelf.store(loaded.set.tasks, loaded.set.blobs), problems };
    } finally {
      await loaded.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const SHOWN = 10;

function refused(problems: readonly string[]): ClawError {
  const more = problems.length > SHOWN ? `; and ${problems.length - SHOWN} more` : '';
  return new ClawError(
    'InvalidTask',
    `tasks cannot be imported: ${problems.slice(0, SHOWN).join('; ')}${more}`,
  );
}
