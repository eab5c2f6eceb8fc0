import { existsSync, readdirSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorMessage } from '../../../base/error.ts';
import { CONTROLLERS, findCgroupLayout, hostCgroupFacts } from './cgroup-layout.ts';
import { findProgram, type HostEnv, runHostCommand } from './host-command.ts';
import { installHint } from './host-tools.ts';
import { findRunnerRoot } from './runner-root.ts';
import { sandboxOwner } from './sandbox-user.ts';
import { missingIdRanges } from './subordinate-ids.ts';

/** One fact about this host, for `clawgym doctor`. */
export interface HostCapability {
  readonly name: string;
  /** False: the local engine runs without it, only slower, weaker bounded or with other programs. */
  readonly required: boolean;
  readonly ok: boolean;
  readonly value: string;
  /** What to do where it is not ok, else empty. */
  readonly advice: string;
}

export interface HostCapabilitiesOptions {
  readonly cacheDir: string;
  readonly arch: string;
  readonly uid: number;
  /** `process.versions.node`. */
  readonly nodeVersion: string;
  readonly env: HostEnv;
  readonly signal: AbortSignal;
}

const PROBE_SECONDS = 10;
/** Where the host's own root has the interpreter; version managers' wrappers are not seen inside. */
const HOST_PYTHON = '/usr/bin/python3';
const NODE_MAJOR = 24;
const FREE_GIB = 5;
const GIB = 1024 ** 3;

/** What this host can and cannot do for the local engine. Starts short probes, changes nothing. */
export async function hostCapabilities(
  options: HostCapabilitiesOptions,
): Promise<HostCapability[]> {
  const bwrap = findProgram('bwrap', options.env);
  const mmdebstrap = findProgram('mmdebstrap', options.env);
  const rootDir = (await findRunnerRoot(options.cacheDir, options.arch))?.dir;
  const required = [
    node(options.nodeVersion),
    await version('bubblewrap', bwrap, options),
    await sandboxStarts(bwrap, options),
    await gradingPython(rootDir, options),
    await version('git', findProgram('git', options.env), options),
    await version('npm', findProgram('npm', options.env), options),
  ];
  const better = [
    sandboxUser(options.uid),
    cgroups(),
    await version('mmdebstrap', mmdebstrap, options),
    await runnerRoot(options),
    await freeDisk(options.cacheDir),
  ];
  return [
    ...required.map((found) => ({ ...found, required: true })),
    ...better.map((found) => ({ ...found, required: false })),
  ];
}

/** True where nothing that the local engine cannot do without is missing. */
export function canRunHere(facts: readonly HostCapability[]): boolean {
  return facts.every(({ required, ok }) => ok || !required);
}

type Fact = Omit<HostCapability, 'required'>;

function fact(name: string, ok: boolean, value: string, advice: string): Fact {
  return { name, ok, value, advice: ok ? '' : advice };
}

function node(nodeVersion: string): Fact {
  const major = Number.parseInt(nodeVersion, 10);
  return fact('Node', major >= NODE_MAJOR, nodeVersion, `Node ${NODE_MAJOR} or later is needed`);
}

async function version(
  name: string,
  path: string | undefined,
  options: HostCapabilitiesOptions,
): Promise<Fact> {
  const advice = installHint([name]);
  if (path === undefined) return fact(name, false, 'not installed', advice);
  const said = await probe([path, '--version'], options);
  return fact(name, said.ok, said.text, advice);
}

/** Starts a program with every namespace that a sandbox uses. */
async function sandboxStarts(
  bwrap: string | undefined,
  options: HostCapabilitiesOptions,
): Promise<Fact> {
  const name = 'user namespaces';
  const advice =
    'the kernel must let this user make namespaces: see sysctl user.max_user_namespaces, ' +
    'kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns; ' +
    'in a container, its seccomp profile';
  if (bwrap === undefined) return fact(name, false, 'unknown without bubblewrap', advice);
  const flags = ['--unshare-all', '--unshare-user', '--disable-userns', '--as-pid-1'];
  const view = ['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev'];
  const said = await probe([bwrap, ...flags, ...view, '/bin/true'], options);
  return fact(name, said.ok, said.ok ? 'a sandbox starts' : said.text, advice);
}

/** The interpreter that grades: the runner root's, else the host's. */
async function gradingPython(
  rootDir: string | undefined,
  options: HostCapabilitiesOptions,
): Promise<Fact> {
  if (rootDir !== undefined)
    return fact('Python', true, `${pythonOf(rootDir)} in the runner root`, '');
  const advice = `${installHint(['python3'])}; or let \`clawgym doctor --fix\` build the runner root`;
  const said = await probe([HOST_PYTHON, '--version'], options);
  return fact('Python', said.ok, said.ok ? `${said.text} of this host` : said.text, advice);
}

function sandboxUser(uid: number): Fact {
  const owner = sandboxOwner(uid);
  const value = owner === undefined ? `this user (uid ${uid})` : `uid ${owner.uid}, never root`;
  return fact('sandbox user', true, value, '');
}

function cgroups(): Fact {
  const layout = findCgroupLayout(hostCgroupFacts());
  const name = 'resource limits';
  if ('reason' in layout) {
    const advice =
      'run as root, or in a systemd scope with delegation: systemd-run --user --scope -p Delegate=yes';
    return fact(name, false, `${layout.reason}; limits hold for each process only`, advice);
  }
  const names = layout.version === 1 ? Object.keys(layout.base) : CONTROLLERS.slice(0, 3);
  return fact(name, true, `cgroup v${layout.version}: ${names.join(', ')}`, '');
}

const WITHOUT_ROOT = 'sandboxes use the programs of this host';

async function runnerRoot(options: HostCapabilitiesOptions): Promise<Fact> {
  const name = 'runner root';
  const advice = `it is built on first use; without it, ${WITHOUT_ROOT}`;
  const root = await findRunnerRoot(options.cacheDir, options.arch);
  if (root?.dir === undefined) {
    const missing = await missingIdRanges(options.uid);
    return missing === undefined
      ? fact(name, false, 'not built yet', advice)
      : fact(name, false, 'cannot be built by this user', `${missing}; until then ${WITHOUT_ROOT}`);
  }
  const python = pythonOf(root.dir);
  return fact(name, true, `${root.identity.slice(0, 12)}, ${python}`, advice);
}

/** "Python 3.13" from the library folder, without running anything of the root. */
function pythonOf(rootDir: string): string {
  const found = readdirSync(join(rootDir, 'usr/lib')).find((name) => /^python3\.\d+$/.test(name));
  return found === undefined ? 'no Python' : found.replace('python', 'Python ');
}

async function freeDisk(cacheDir: string): Promise<Fact> {
  let existing = cacheDir;
  while (!existsSync(existing)) existing = dirname(existing);
  const facts = await statfs(existing);
  const free = (facts.bavail * facts.bsize) / GIB;
  const advice = `runner root and harnesses need about ${FREE_GIB} GiB: free some, or move the cache`;
  return fact('free disk', free >= FREE_GIB, `${free.toFixed(1)} GiB at ${cacheDir}`, advice);
}

async function probe(
  argv: readonly [string, ...string[]],
  { env, signal }: HostCapabilitiesOptions,
): Promise<{ readonly ok: boolean; readonly text: string }> {
  try {
    const end = await runHostCommand({ argv, env, signal, timeoutSeconds: PROBE_SECONDS });
    return { ok: end.exitCode === 0, text: end.tail.trim().slice(0, 300) };
  } catch (cause) {
    if (signal.aborted) throw cause;
    return { ok: false, text: errorMessage(cause) };
  }
}
