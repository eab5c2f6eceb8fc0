/** The root file system of sandboxes. */
export interface RunnerRoot {
  /** Folder on the host; undefined: the host's own programs, the marked fallback. */
  readonly dir: string | undefined;
  /** Digest over recipe and installed packages, or "host". */
  readonly identity: string;
}
