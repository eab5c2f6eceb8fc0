import { sha256 } from '../base/digest.ts';
import { ClawError } from '../base/error.ts';
import { plainText } from '../base/plain-text.ts';
import type { ProcessSandbox } from './process-sandbox.ts';

/** Compiles standard input without running it; exit 3 with one line where that fails. */
const COMPILE = `import sys
try:
    compile(sys.stdin.buffer.read(), "verifier", "exec", dont_inherit=True)
except SyntaxError as problem:
    print(f"line {problem.lineno}: {problem.msg}")
    sys.exit(3)
except (ValueError, RecursionError, MemoryError, OverflowError) as problem:
    print(f"{type(problem).__name__}: {problem}")
    sys.exit(3)
`;
const BAD_SYNTAX = 3;

/** Why a Python text does not compile, or undefined where it does. */
export type PythonSyntaxError = (source: string) => Promise<string | undefined>;

/**
 * Compiles texts with the interpreter that grades, in its sandbox: which syntax is right depends on
 * the version, and a compiler can be crashed. The same text is compiled once.
 */
export function pythonSyntaxIn(sandbox: ProcessSandbox, signal: AbortSignal): PythonSyntaxError {
  const known = new Map<string, Promise<string | undefined>>();
  return (source) => {
    const key = sha256(source);
    const reason = known.get(key) ?? compileError(source, sandbox, signal);
    known.set(key, reason);
    return reason;
  };
}

async function compileError(
  source: string,
  sandbox: ProcessSandbox,
  signal: AbortSignal,
): Promise<string | undefined> {
  const exit = await sandbox.run(
    {
      name: 'compile-verifier',
      argv: ['/usr/bin/python3', '-I', '-S', '-c', COMPILE],
      env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' },
      cwd: '/',
      stdin: source,
      mounts: [],
      tmpMiB: 16,
      limits: { memoryMiB: 512, cpuMillis: 2000, pids: 32, fileMiB: 16 },
      deadlineSeconds: 30,
      keepOutputBytes: 4096,
    },
    signal,
  );
  if (exit.cancelled) throw new ClawError('Cancelled', 'the compilation was cancelled');
  if (exit.exitCode === 0) return undefined;
  if (exit.exitCode === BAD_SYNTAX) {
    return plainText(Buffer.from(exit.stdout.bytes).toString('utf8').trim());
  }
  return `its compiler ended with ${exit.exitCode ?? exit.signal}`;
}
