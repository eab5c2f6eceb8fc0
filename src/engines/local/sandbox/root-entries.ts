import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { RootEntry } from './bwrap-args.ts';

/**
 * Folders of a runner root that hold its programs. The others (/home, /opt, /root, /srv ...) are
 * empty there and stay out, so that mounts can be placed below them.
 */
const ROOT_FOLDERS = ['bin', 'etc', 'lib', 'lib32', 'lib64', 'libx32', 'sbin', 'usr', 'var'];

/** What of the host's /etc a program needs to start; nothing that describes users or the network. */
const HOST_ETC = ['alternatives', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'mime.types'];

/** Top-level entries of a runner root on the host, as read-only binds. */
export function runnerRootEntries(rootDir: string): RootEntry[] {
  const present = new Set(readdirSync(rootDir));
  return ROOT_FOLDERS.filter((name) => present.has(name)).map((name) =>
    entryAt(join(rootDir, name), `/${name}`),
  );
}

/** The fallback: the host's own programs, without its configuration and its /var. */
export function hostRootEntries(): RootEntry[] {
  const folders = ROOT_FOLDERS.filter((name) => name !== 'etc' && name !== 'var');
  const paths = [...folders.map((name) => `/${name}`), ...HOST_ETC.map((name) => `/etc/${name}`)];
  return paths.filter((path) => existsSync(path)).map((path) => entryAt(path, path));
}

function entryAt(source: string, target: string): RootEntry {
  return lstatSync(source).isSymbolicLink()
    ? { kind: 'symlink', to: readlinkSync(source), target }
    : { kind: 'bind', source, target };
}
