import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeAccessible } from './make-accessible.ts';
import type { ProcessSandbox } from './process-sandbox.ts';
import { readHostileFile } from './read-hostile-file.ts';

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 'programs', 'compile_verifiers.py');
const COMPILE_SECONDS = 60;
/** Far more than any source below the cap compiles to. */
const MAX_COMPILED_BYTES = 8 * 1024 * 1024;

export interface VerifierSource {
  /** Names the compiled form; letters and digits. */
  readonly key: string;
  /** Path from which the grader runs it; tracebacks name it. */
  readonly place: string;
  readonly source: Uint8Array;
}

/**
 * The compiled forms by key, made by the interpreter that will run them, in a sandbox without network
 * that runs nothing of them. What it cannot compile is absent. `scratch` is a folder that it makes and
 * removes, below one that sandboxes reach. Throws what the sandbox throws.
 */
export async function compileVerifiers(
  sources: readonly VerifierSource[],
  sandbox: ProcessSandbox,
  scratch: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const [into, out] = [join(scratch, 'in'), join(scratch, 'out')];
  try {
    await mkdir(scratch);
    // The sandbox's user must get through, whatever this process's mask is.
    await chmod(scratch, 0o711);
    for (const folder of [into, out]) await mkdir(folder, { mode: 0o700 });
    for (const { key, source } of sources) {
      await writeFile(join(into, key), source, { mode: 0o600 });
    }
    for (const folder of [into, out]) makeAccessible(folder, sandbox.owner);
    await sandbox.run(
      {
        name: 'compile-verifiers',
        argv: ['/usr/bin/python3', '-I', '-S', '-c', await readFile(PROGRAM, 'utf8')],
        env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' },
        cwd: '/',
        stdin: JSON.stringify(sources.map(({ key, place }) => [key, place])),
        mounts: [
          { source: into, target: '/in', mode: 'ro' },
          { source: out, target: '/out', mode: 'rw' },
        ],
        tmpMiB: 16,
        limits: { memoryMiB: 512, cpuMillis: 1000, pids: 16, fileMiB: 16 },
        deadlineSeconds: COMPILE_SECONDS,
        keepOutputBytes: 4096,
      },
      signal,
    );
    // However it ended: what it made is whole, and one that ended it early is compiled by the grader.
    const made = new Map<string, Uint8Array>();
    for (const { key } of sources) {
      const bytes = await readHostileFile(join(out, key), MAX_COMPILED_BYTES);
      if (bytes !== undefined) made.set(key, bytes);
    }
    return made;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
