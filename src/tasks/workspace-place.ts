import { posix } from 'node:path';

/**
 * Places that the workspace must neither be, contain nor lie in: what starts agents and graders, what
 * they are given, and the system they run on. A workspace over `/program` would be a grader of the
 * agent's making.
 */
const TAKEN = [
  '/agent',
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/logs/verifier',
  '/opt/clawgym',
  '/opt/harness',
  '/opt/node',
  '/proc',
  '/program',
  '/run',
  '/sbin',
  '/sys',
  '/tests',
  '/usr',
  '/var/run',
  '/verdict',
  '/verifier',
] as const;
/** Mounted itself, but a workspace may lie in it. */
const TMP = '/tmp';

/** Why no workspace can be at this path of a sandbox; undefined where one can. */
export function workspacePlaceProblem(path: string): string | undefined {
  const plain = posix.normalize(path).replace(/(?<=.)\/$/, '');
  if (!path.startsWith('/') || plain !== path) {
    return `workspace ${path}: expected an absolute path without '..', '.', doubled slashes or one at its end`;
  }
  const inside = (one: string, other: string): boolean => `${one}/`.startsWith(`${other}/`);
  const taken = TAKEN.find((place) => inside(path, place) || inside(place, path));
  if (path !== '/' && path !== TMP && taken === undefined) return undefined;
  return `workspace ${path}: ${path === '/' ? '/' : (taken ?? TMP)} belongs to the sandbox; expected a folder such as /workspace`;
}
