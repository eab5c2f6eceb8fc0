import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ClawError, errorMessage } from './error.ts';

/**
 * Makes a folder and its parents. Unlike the platform's recursive mkdir it ends where a file system
 * answers "no such entry" to every attempt, as /proc does (there that call never returns).
 */
export function makeFolders(path: string): void {
  const missing: string[] = [];
  let at = path;
  for (; statSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at)) missing.push(at);
  if (!statSync(at).isDirectory()) {
    throw new ClawError(
      'StoreUnavailable',
      `folder ${path} cannot be made: ${at} is no folder; name another place`,
    );
  }
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder);
    } catch (cause) {
      if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) continue;
      throw new ClawError(
        'StoreUnavailable',
        `folder ${folder} cannot be made: ${errorMessage(cause)}; name another place`,
        { cause },
      );
    }
  }
}
