/** Places of one person's or one machine's file system. */
const HOST =
  /(?<![\w./~-])(?:\/(?:home|Users)\/[A-Za-z0-9._-]+|\/root|\/mnt|\/media|\/Volumes)(?:\/[\w.@+-]+)+|\b[A-Za-z]:\\(?:Users|Documents)\\[^\s"']+/g;

/** The first absolute host path in a text that is not below the workspace, or undefined. */
export function hostPathIn(text: string, workspacePath: string): string | undefined {
  for (const [found] of text.matchAll(HOST)) {
    if (`${found}/`.startsWith(`${workspacePath.replace(/\/+$/, '')}/`)) continue;
    return found;
  }
  return undefined;
}
