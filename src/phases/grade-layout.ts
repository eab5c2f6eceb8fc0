import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import type { CodeVerifier } from '../tasks/task.ts';
import { MAX_VERDICT_BYTES } from '../verifiers/verdict.ts';
import { GRADER_DIR } from './grade-programs.ts';
import { makeAccessible } from './make-accessible.ts';
import type { SandboxMount, SandboxOwner } from './process-sandbox.ts';
import { makeWorkspaceFolder } from './workspace-files.ts';

/** Places of one grade run; `*Dir` on the host, the others inside the sandbox. */
export interface GradeLayout {
  readonly verdictDir: string;
  /** Harbor's /logs/verifier; absent for the other dialects. */
  readonly logsDir: string | undefined;
  readonly entry: string;
  /** Where the workspace shows the verifier's files, where its layout asks for that. */
  readonly visibleAt: string | undefined;
}

export interface LayoutRequest {
  readonly verifier: CodeVerifier;
  readonly verifierDir: string;
  readonly scratchDir: string;
  readonly workspacePath: string;
}

/** Makes the folders of one run. */
export async function layOutGrade(
  request: LayoutRequest,
  runDir: string,
  owner: SandboxOwner | undefined,
): Promise<GradeLayout> {
  const { verifier, workspacePath } = request;
  const verdictDir = join(runDir, 'verdict');
  const logsDir = verifier.dialect === 'harbor' ? join(runDir, 'logs') : undefined;
  for (const folder of logsDir === undefined ? [verdictDir] : [verdictDir, logsDir]) {
    mkdirSync(folder, { mode: 0o700 });
    makeAccessible(folder, owner);
  }
  // The ClawGym layout's reward.sh names <workspace>/reward/check.py by its absolute path.
  const visibleAt = verifier.dialect === 'reward-sh' ? `${workspacePath}/reward` : undefined;
  if (visibleAt !== undefined) {
    await makeWorkspaceFolder(request.scratchDir, 'reward');
  }
  // Verifiers may write beside what they judge; trusted code has just laid this copy out.
  makeAccessible(request.scratchDir, owner);
  const inside = verifier.dialect === 'harbor' ? '/tests' : '/verifier';
  return {
    verdictDir,
    logsDir,
    entry: `${inside}/${verifier.entry}`,
    visibleAt,
  };
}

/** Later mounts lie over earlier ones: the verifier's files win over what the agent left there. */
export function gradeMounts(
  request: LayoutRequest,
  layout: GradeLayout,
  programsDir: string,
): SandboxMount[] {
  const mounts: SandboxMount[] = [
    { source: request.scratchDir, target: request.workspacePath, mode: 'rw' },
    { source: programsDir, target: GRADER_DIR, mode: 'ro' },
    { source: request.verifierDir, target: '/verifier', mode: 'ro' },
    { source: layout.verdictDir, target: '/verdict', mode: 'rw' },
  ];
  if (layout.visibleAt !== undefined) {
    mounts.push({ source: request.verifierDir, target: layout.visibleAt, mode: 'ro' });
  }
  if (layout.logsDir !== undefined) {
    mounts.push({ source: request.verifierDir, target: '/tests', mode: 'ro' });
    mounts.push({ source: layout.logsDir, target: '/logs/verifier', mode: 'rw' });
  }
  return mounts;
}

/** The text of a run's verdict, or why there is none: only a regular file of bounded size counts. */
export function readVerdictFile(
  verdictDir: string,
): string | { readonly status: 'crash'; readonly message: string } {
  const path = join(verdictDir, 'verdict.json');
  const refuse = (message: string) => ({ status: 'crash', message }) as const;
  const found = statsAt(path);
  if (found === undefined) return refuse('the verifier ended its process without a verdict');
  if (!found.isFile()) return refuse('the verdict is not a regular file');
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = openSync(path, flags);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return refuse('the verdict is not a regular file');
    if (stat.size > MAX_VERDICT_BYTES) {
      return refuse(`the verdict has ${stat.size} bytes, at most ${MAX_VERDICT_BYTES} are read`);
    }
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function statsAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
