import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CodeVerifier } from '../tasks/task.ts';
import { MAX_VERDICT_BYTES } from '../verifiers/verdict.ts';
import { makeAccessible } from './make-accessible.ts';
import type { SandboxMount, SandboxOwner } from './process-sandbox.ts';
import { makeWorkspaceFolder } from './workspace-files.ts';

const PROGRAM_FILES = [
  'grade_init.py',
  'grade_dialects.py',
  'grade_guard.py',
  'grade_score.py',
  'grade_transcript.py',
  'syscall_filter.py',
  'agent_init/watch.py',
] as const;
const PROGRAMS_DIR = join(dirname(fileURLToPath(import.meta.url)), 'programs');

/** Places of one grade run; `*Dir` on the host, the others inside the sandbox. */
export interface GradeLayout {
  readonly programDir: string;
  readonly verdictDir: string;
  /** Harbor's /logs/verifier; absent for the other dialects. */
  readonly logsDir: string | undefined;
  readonly program: string;
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

/**
 * Makes the folders of one run. The program is copied, so that the sandbox's user can read it
 * wherever the product is installed.
 */
export async function layOutGrade(
  request: LayoutRequest,
  runDir: string,
  owner: SandboxOwner | undefined,
): Promise<GradeLayout> {
  const { verifier, workspacePath } = request;
  const programDir = join(runDir, 'program');
  const verdictDir = join(runDir, 'verdict');
  const logsDir = verifier.dialect === 'harbor' ? join(runDir, 'logs') : undefined;
  await mkdir(programDir, { mode: 0o755 });
  for (const name of PROGRAM_FILES)
    await copyFile(join(PROGRAMS_DIR, name), join(programDir, basename(name)));
  for (const folder of logsDir === undefined ? [verdictDir] : [verdictDir, logsDir]) {
    await mkdir(folder, { mode: 0o700 });
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
    programDir,
    verdictDir,
    logsDir,
    program: `/program/${PROGRAM_FILES[0]}`,
    entry: `${inside}/${verifier.entry}`,
    visibleAt,
  };
}

/** Later mounts lie over earlier ones: the verifier's files win over what the agent left there. */
export function gradeMounts(request: LayoutRequest, layout: GradeLayout): SandboxMount[] {
  const mounts: SandboxMount[] = [
    { source: request.scratchDir, target: request.workspacePath, mode: 'rw' },
    { source: layout.programDir, target: '/program', mode: 'ro' },
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
export async function readVerdictFile(
  verdictDir: string,
): Promise<string | { readonly status: 'crash'; readonly message: string }> {
  const path = join(verdictDir, 'verdict.json');
  const refuse = (message: string) => ({ status: 'crash', message }) as const;
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return refuse('the verifier ended its process without a verdict');
  if (!found.isFile()) return refuse('the verdict is not a regular file');
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return refuse('the verdict is not a regular file');
    if (stat.size > MAX_VERDICT_BYTES) {
      return refuse(`the verdict has ${stat.size} bytes, at most ${MAX_VERDICT_BYTES} are read`);
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
