import { posix } from 'node:path';
import { importLines } from './import-lines.ts';

/** A source file: path from the repository root with `/`, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Folders of src from the lowest; a folder imports its own and lower ranks, never its siblings. */
const RANKS: readonly (readonly string[])[] = [
  ['base'],
  ['api'],
  ['tasks'],
  ['rollouts'],
  ['protocol'],
  ['store'],
  ['verifiers', 'gateway', 'trajectories', 'agents'],
  ['phases'],
  ['bench', 'synthesis', 'training'],
  ['server'],
  ['engines'],
  ['cli'],
];

/** What the controllers may use of src: schemas, pure parts, builders and the server's client. */
const CONTROLLER_FOLDERS: ReadonlySet<string> = new Set([
  'base',
  'api',
  'tasks',
  'rollouts',
  'protocol',
]);
const POD_BUILDERS = 'src/engines/kubernetes/';
/** Folders of src that talk to an API server, by the runtime that could be a library. */
const KUBE_USERS: ReadonlySet<string> = new Set(['server', 'engines', 'cli']);

/** `FILE:LINE: IMPORT (why not)` for every import against the arrows. Test files are left out. */
export function arrowViolations(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter((file) => !isTest(file.path))
    .flatMap((file) =>
      importLines(file.text).flatMap(({ specifier, line, text }) => {
        if (!specifier.startsWith('.')) return [];
        const target = posix.join(posix.dirname(file.path), specifier);
        const reason = refusal(file.path, target);
        return reason === undefined ? [] : [`${file.path}:${line}: ${text} (${reason})`];
      }),
    );
}

export const isTest = (path: string): boolean =>
  path.endsWith('.test.ts') || path.startsWith('test/');

function refusal(from: string, to: string): string | undefined {
  const [top = '', area = ''] = from.split('/');
  if (isTest(to) && !mayUseTestTree(top, to)) return 'product code never imports tests';
  const [targetTop = '', targetArea = ''] = to.split('/');
  if (top === 'operator') return operatorRefusal(area, to, targetTop, targetArea);
  if (top !== 'src') return undefined;
  if (targetTop === 'operator' && targetArea === 'kube' && KUBE_USERS.has(area)) return undefined;
  if (targetTop !== 'src') return `src imports src only`;
  const own = rankOf(area);
  const other = rankOf(targetArea);
  if (own === undefined) return `src/${area} has no rank: add it to RANKS`;
  if (other === undefined) return `src/${targetArea} has no rank: add it to RANKS`;
  if (other > own) return `${area} is below ${targetArea}`;
  if (other === own && area !== targetArea) return `${area} and ${targetArea} are siblings`;
  return undefined;
}

/** Scripts and benchmarks are not shipped: they start the test cluster and use its helpers. */
function mayUseTestTree(top: string, to: string): boolean {
  return (top === 'scripts' || top === 'bench') && !to.endsWith('.test.ts');
}

function operatorRefusal(
  area: string,
  to: string,
  targetTop: string,
  targetArea: string,
): string | undefined {
  if (targetTop === 'operator') {
    return area === 'kube' && targetArea !== 'kube'
      ? 'operator/kube knows no kind of ours'
      : undefined;
  }
  if (targetTop !== 'src') return 'operator imports operator and src only';
  if (area === 'kube') return 'operator/kube imports nothing of src';
  if (CONTROLLER_FOLDERS.has(targetArea) || to.startsWith(POD_BUILDERS)) return undefined;
  return `the operator uses ${[...CONTROLLER_FOLDERS].join(', ')} and ${POD_BUILDERS} only, never a store`;
}

function rankOf(folder: string): number | undefined {
  const rank = RANKS.findIndex((names) => names.includes(folder));
  return rank === -1 ? undefined : rank;
}
