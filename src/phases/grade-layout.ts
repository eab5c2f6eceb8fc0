import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CodeVerifier } from '../tasks/task.ts';
import { GRADER_DIR } from './grade-programs.ts';
import { verifierVisibleAt } from './grade-spec.ts';
import { makeAccessible } from './make-accessible.ts';
import type { SandboxMount, SandboxOwner } from './process-sandbox.ts';
import { makeWorkspaceFolder } from './workspace-files.ts';

/** Places of one grade run; `*Dir` on the host, the others inside the sandbox. */
export interface GradeLayout {
  readonly verdictDir: string;
  /** Harbor's /logs/verifier; absent for the other dialects. */
  readonly logsDir: string | undefined;
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
  const visibleAt = verifierVisibleAt(verifier, workspacePath);
  if (visibleAt !== undefined) {
    await makeWorkspaceFolder(request.scratchDir, 'reward');
  }
  // Verifiers may write beside what they judge; trusted code has just laid this copy out.
  makeAccessible(request.scratchDir, owner);
  return {
    verdictDir,
    logsDir,
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
