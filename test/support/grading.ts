import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { sha256 } from '../../src/base/digest.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { openSandbox } from '../../src/engines/local/sandbox/open-sandbox.ts';
import {
  type GradeDeps,
  type GradeRequest,
  type GradeResult,
  grade,
} from '../../src/phases/grade.ts';
import { makeAccessible } from '../../src/phases/make-accessible.ts';
import type { ProcessSandbox } from '../../src/phases/process-sandbox.ts';
import type { CodeVerifier } from '../../src/tasks/task.ts';
import { testProgramsDir } from './sandbox-host.ts';

export const WORKSPACE = '/root/.openclaw/workspace';

/** The sandbox of this host with the host's own programs. */
export function hostSandbox(): Promise<ProcessSandbox> {
  return openSandbox({
    root: { dir: undefined, identity: 'host' },
    uid: process.getuid?.() ?? 0,
    clock: systemClock,
    logger: silentLogger,
  });
}

export type Files = Readonly<Record<string, string | Uint8Array>>;

export async function writeFiles(root: string, files: Files): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o755 });
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true, mode: 0o755 });
    await writeFile(join(root, path), content, { mode: 0o755 });
  }
}

export interface GradeCase {
  readonly dialect?: CodeVerifier['dialect'];
  readonly entry?: string;
  readonly verifier: Files;
  readonly workspace?: Files;
  readonly agentCode?: CodeVerifier['agentCode'];
  readonly transcript?: readonly unknown[] | string;
  readonly timeoutSeconds?: number;
  readonly limits?: GradeRequest['limits'];
  readonly compiled?: GradeDeps['compiled'];
  readonly signal?: AbortSignal;
}

let runs = 0;

/** Lays out one case under `dir` and grades it. */
export async function gradeCase(
  sandbox: ProcessSandbox,
  dir: string,
  it: GradeCase,
): Promise<GradeResult> {
  runs += 1;
  const root = join(dir, `case-${runs}`);
  const verifierDir = join(root, 'verifier');
  const scratchDir = join(root, 'scratch');
  const tmpDir = join(root, 'tmp');
  await writeFiles(verifierDir, it.verifier);
  await writeFiles(scratchDir, it.workspace ?? {});
  await mkdir(tmpDir, { mode: 0o755 });
  makeAccessible(scratchDir, sandbox.owner);
  const entry = it.entry ?? Object.keys(it.verifier)[0] ?? '';
  return grade(
    {
      name: `grade-test-${runs}`,
      verifier: {
        dialect: it.dialect ?? 'check-json',
        entry,
        files: Object.keys(it.verifier).map((path) => ({
          path,
          digest: sha256(path),
          size: 0,
          executable: false,
        })),
        agentCode: it.agentCode ?? 'none',
        env: {},
      },
      verifierDir,
      scratchDir,
      workspacePath: WORKSPACE,
      payload: {
        task_id: 'case',
        user_query: 'do it',
        metadata: {},
        final_message: 'done',
        transcript: it.transcript ?? [],
      },
      timeoutSeconds: it.timeoutSeconds ?? 20,
      ...(it.limits && { limits: it.limits }),
    },
    {
      sandbox,
      programsDir: await testProgramsDir(sandbox),
      ...(it.compiled && { compiled: it.compiled }),
      tmpDir,
      signal: it.signal ?? new AbortController().signal,
    },
  );
}
