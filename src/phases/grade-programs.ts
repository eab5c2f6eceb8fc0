import { randomUUID } from 'node:crypto';
import { access, chmod, copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../base/digest.ts';
import { ClawError } from '../base/error.ts';
import { makeAccessible } from './make-accessible.ts';
import type { ProcessSandbox } from './process-sandbox.ts';
import { GRADER_FILES } from './program-files.ts';

const SOURCE_DIR = join(dirname(fileURLToPath(import.meta.url)), 'programs');
const COMPILE_SECONDS = 60;

/** Where the sandbox sees the grader. */
export const GRADER_DIR = '/program';
/** Packages of the runner root and of Debian hosts; `-S` saves what else `site` does at each start. */
const PACKAGES_DIR = '/usr/lib/python3/dist-packages';
/** What starts the grader: one line, so that all else is compiled. */
export const GRADER_ARGV = [
  '/usr/bin/python3',
  '-I',
  '-S',
  '-c',
  `import sys; sys.path[:] = ["${GRADER_DIR}", *sys.path, "${PACKAGES_DIR}"]; import grade_init; grade_init.main()`,
] as const;

export interface GradeProgramsOptions {
  /** Cache that sandboxes can reach; the folder is shared by every engine of the same versions. */
  readonly cacheDir: string;
  readonly sandbox: ProcessSandbox;
  readonly signal: AbortSignal;
}

/**
 * The folder with the grader, compiled once by the interpreter that will run it: compiling it for each
 * of many short gradings costs as much as grading. Safe under concurrency: made aside, then renamed.
 */
export async function ensureGradePrograms(options: GradeProgramsOptions): Promise<string> {
  const sources = await Promise.all(GRADER_FILES.map((file) => readFile(join(SOURCE_DIR, file))));
  const digest = sha256(Buffer.concat(sources)).slice(0, 16);
  const parent = join(options.cacheDir, 'grade-programs');
  const target = join(parent, `${digest}-${options.sandbox.root.slice(0, 16)}`);
  if (await exists(target)) return target;
  await mkdir(parent, { recursive: true, mode: 0o755 });
  const aside = `${target}.${randomUUID()}`;
  try {
    await mkdir(aside, { mode: 0o755 });
    await chmod(aside, 0o755);
    for (const file of GRADER_FILES)
      await copyFile(join(SOURCE_DIR, file), join(aside, basename(file)));
    await compile(aside, options);
    for (const dir of [aside, join(aside, '__pycache__')]) await chmod(dir, 0o755);
    await rename(aside, target).catch(async (cause: unknown) => {
      if (!(await exists(target))) throw cause;
    });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return target;
}

/** `unchecked-hash`: the compiled form stays valid whatever a copy does to modification times. */
async function compile(dir: string, { sandbox, signal }: GradeProgramsOptions): Promise<void> {
  makeAccessible(dir, sandbox.owner);
  const exit = await sandbox.run(
    {
      name: 'compile-grader',
      argv: [
        ...['/usr/bin/python3', '-I', '-m', 'compileall', '-q'],
        ...['--invalidation-mode', 'unchecked-hash', GRADER_DIR],
      ],
      env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' },
      cwd: '/',
      stdin: '',
      mounts: [{ source: dir, target: GRADER_DIR, mode: 'rw' }],
      tmpMiB: 16,
      limits: { memoryMiB: 256, cpuMillis: 2000, pids: 32, fileMiB: 16 },
      deadlineSeconds: COMPILE_SECONDS,
      keepOutputBytes: 4096,
    },
    signal,
  );
  if (exit.exitCode === 0) return;
  const said = Buffer.from(exit.stderr.bytes).toString('utf8').trim().slice(-500);
  throw new ClawError('SandboxFailed', `the grader cannot be compiled in its sandbox: ${said}`);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
