import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';

/** Who a range of ids may be for: files name users by name or by number. */
export interface IdOwner {
  readonly name: string;
  readonly uid: number;
}

/** True where `text`, as /etc/subuid is written (`name:start:count`), gives the user ids to map. */
export function hasIdRange(text: string, { name, uid }: IdOwner): boolean {
  return text.split('\n').some((line) => {
    const [owner, start, count] = line.trim().split(':');
    return (owner === name || owner === String(uid)) && Number(start) > 0 && Number(count) > 0;
  });
}

/**
 * What a user other than root lacks to build a root file system in a user namespace, with the command
 * that helps; undefined where nothing is missing.
 */
export async function missingIdRanges(uid: number): Promise<string | undefined> {
  if (uid === 0) return undefined;
  const name = userName(uid);
  const files = ['/etc/subuid', '/etc/subgid'];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const lacking = files.filter((_file, index) => !hasIdRange(texts[index] ?? '', { name, uid }));
  if (lacking.length === 0) return undefined;
  return `no range for ${name} in ${lacking.join(' and ')}: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${name}, as root`;
}

/** In a container a user may have a number and no name. */
function userName(uid: number): string {
  try {
    return userInfo().username;
  } catch {
    return String(uid);
  }
}
