import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AGENT_DIR, type ProcessPlan } from '../agents/agent.ts';
import { ClawError } from '../base/error.ts';
import { unsafePathReason } from '../tasks/task-paths.ts';
import { INIT_DIR, LINK_DIR, REPORT_DIR } from './agent-spec.ts';
import { makeAccessible } from './make-accessible.ts';
import type { SandboxMount, SandboxOwner } from './process-sandbox.ts';
import { AGENT_INIT_FILES } from './program-files.ts';

const PROGRAMS = new URL('programs/', import.meta.url);

export interface AgentFiles {
  readonly mounts: readonly SandboxMount[];
  /** Host folder in which the wrapper's report appears. */
  readonly reportDir: string;
}

/**
 * Lays out what the sandbox sees beside the workspace: the wrapper, the agent's configuration, the
 * report folder. All of it belongs to the sandbox's user and only the report folder is writable.
 */
export async function layOutAgentFiles(
  plan: ProcessPlan,
  scratchDir: string,
  owner: SandboxOwner | undefined,
): Promise<AgentFiles> {
  const base = join(scratchDir, 'agent-run');
  const [agent, report, init] = [join(base, 'agent'), join(base, 'report'), join(base, 'init')];
  for (const dir of [base, agent, report, init]) await mkdir(dir, { mode: 0o755 });
  for (const name of AGENT_INIT_FILES) {
    await copyFile(new URL(name, PROGRAMS), join(init, basename(name)));
  }
  for (const file of plan.files) await writeAgentFile(agent, file.path, file.content);
  makeAccessible(base, owner);
  return {
    reportDir: report,
    mounts: [
      { source: agent, target: AGENT_DIR, mode: 'ro' },
      { source: init, target: INIT_DIR, mode: 'ro' },
      { source: report, target: REPORT_DIR, mode: 'rw' },
    ],
  };
}

/** The socket's folder is mounted, not the socket: it may be made anew while the agent runs. */
export async function linkMount(
  socket: string,
  owner: SandboxOwner | undefined,
): Promise<SandboxMount> {
  const folder = dirname(socket);
  const others = (await readdir(folder)).filter((name) => name !== basename(socket));
  if (others.length > 0) {
    throw new ClawError(
      'Internal',
      `the model link's folder ${folder} is shown to the agent and holds more than the socket: ` +
        others.slice(0, 5).join(', '),
    );
  }
  makeAccessible(folder, owner);
  return { source: folder, target: LINK_DIR, mode: 'ro' };
}

async function writeAgentFile(
  folder: string,
  path: string,
  content: Uint8Array | string,
): Promise<void> {
  const relative = path.startsWith(`${AGENT_DIR}/`) ? path.slice(AGENT_DIR.length + 1) : path;
  const reason = unsafePathReason(relative);
  if (reason !== undefined) {
    throw new ClawError('UnsafePath', `agent file ${JSON.stringify(path)} ${reason}`);
  }
  const target = join(folder, relative);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content);
}
