import { chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PreparedAgent } from '../../src/agents/agent.ts';
import type { AgentHost } from '../../src/agents/agent-host.ts';
import { agentFor } from '../../src/agents/registry.ts';
import { systemClock } from '../../src/base/clock.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { cliEnvironment } from '../../src/cli/environment.ts';
import { sandboxNode } from '../../src/cli/sandbox-node.ts';
import type { GradeResult } from '../../src/phases/grade.ts';
import { MAX_LINK_CONNECTIONS, startModelLink } from '../../src/phases/model-link.ts';
import { type AgentRun, runAgent } from '../../src/phases/run-agent.ts';
import { SocketGateway } from '../../src/phases/socket-gateway.ts';
import { stage } from '../../src/phases/stage.ts';
import { startGatewayServer } from '../../src/server/gateway-server.ts';
import type { CallRow } from '../../src/store/records.ts';
import type { ExampleTask } from './example-task.ts';
import {
  BEARER,
  FAST_BACKOFF,
  type GatewayFixture,
  gatewayFixture,
  MODEL,
} from './gateway-fixture.ts';
import { gradeCase, hostSandbox } from './grading.ts';
import type { ScriptedModelOptions, ScriptedRequest } from './scripted-model-server.ts';

/** A real harness, installed if it is not yet there. */
export async function realHarness(
  name: string,
  logger: Logger = silentLogger,
): Promise<PreparedAgent> {
  const version = process.versions.node;
  // The product's own cache: a harness is downloaded once a machine.
  const { cacheDir, uid, env } = cliEnvironment();
  await mkdir(cacheDir, { recursive: true, mode: 0o755 });
  const host: AgentHost = {
    nodePath: await sandboxNode(process.execPath, version, cacheDir, uid),
    nodeVersion: version,
    env,
  };
  const signal = AbortSignal.timeout(600_000);
  return await agentFor({ name }, host).prepare({ cacheDir, logger, signal });
}

export interface Episode {
  readonly run: AgentRun;
  /** Absent where the task has no verifier. */
  readonly grade: GradeResult | undefined;
  readonly calls: readonly CallRow[];
  /** Bodies of all requests, in order, as the gateway stored them. */
  readonly requests: readonly ChatBody[];
  readonly responses: readonly string[];
  /** What reached the model. */
  readonly upstream: readonly ScriptedRequest[];
  readonly workspace: Readonly<Record<string, string>>;
}

export interface ChatBody {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly tools: readonly unknown[];
}

export interface EpisodeHooks {
  /** Told once the gateway serves, with a way to take its socket away for a while. */
  readonly serving?: (loseGateway: (milliseconds: number) => Promise<void>) => void;
}

const DEADLINE_SECONDS = 120;

/** stage -> harness in its sandbox, model link, gateway, scripted model -> grade. */
export async function runEpisode(
  harness: PreparedAgent,
  example: ExampleTask,
  model: Partial<ScriptedModelOptions>,
  hooks: EpisodeHooks = {},
): Promise<Episode> {
  await using stack = new AsyncDisposableStack();
  const gateway = stack.use(await gatewayFixture(model));
  // The sandbox's user must be able to enter it.
  await chmod(gateway.folder, 0o755);
  const socketPath = join(gateway.folder, 'gateway.sock');
  const logger = silentLogger;
  const serve = async () =>
    stack.use(await startGatewayServer({ socketPath, gateway: gateway.gateway, logger }));
  const server = await serve();
  hooks.serving?.(async (milliseconds) => {
    await server[Symbol.asyncDispose]();
    await systemClock.sleep(milliseconds);
    await serve();
  });
  const sandbox = await hostSandbox();
  const link = stack.use(
    await startModelLink({
      folder: join(gateway.folder, 'link'),
      owner: sandbox.owner,
      gateway: new SocketGateway(socketPath, MAX_LINK_CONNECTIONS),
      bearer: BEARER,
      newCallId: () => crypto.randomUUID(),
      clock: systemClock,
      random: () => 0.5,
      logger,
      backoff: FAST_BACKOFF,
      onLost: () => undefined,
    }),
  );
  const workspaceDir = join(gateway.folder, 'workspace');
  await stage(example.task, example.blobs, workspaceDir);
  const plan = await harness.plan(example.task, {
    blobs: example.blobs,
    model: MODEL,
    deadlineSeconds: DEADLINE_SECONDS,
  });
  if (plan.kind !== 'process') throw new Error('expected a process plan');
  const run = await runAgent(plan, {
    sandbox,
    workspaceDir,
    workspacePath: example.task.workspace.path,
    linkSocket: link.socketPath,
    limits: { memoryMiB: plan.memoryMiB, cpuMillis: 2000, pids: 512, fileMiB: 64 },
    workspaceMiB: 64,
    workspaceEntries: 10_000,
    tmpMiB: 256,
    deadlineSeconds: DEADLINE_SECONDS,
    scratchDir: await scratch(gateway.folder),
    signal: new AbortController().signal,
  });
  const workspace = await textTree(workspaceDir);
  const { verifier } = example;
  const grade =
    verifier['check.py'] === undefined
      ? undefined
      : await gradeCase(sandbox, gateway.folder, { verifier, entry: 'check.py', workspace });
  return { run, grade, workspace, upstream: gateway.model.requests, ...(await recordOf(gateway)) };
}

async function scratch(folder: string): Promise<string> {
  const dir = join(folder, 'scratch');
  await mkdir(dir, { mode: 0o755 });
  return dir;
}

async function recordOf(
  gateway: GatewayFixture,
): Promise<Pick<Episode, 'calls' | 'requests' | 'responses'>> {
  const calls = await gateway.records.listCalls(gateway.attempt);
  const text = async (digest: CallRow['request']) =>
    Buffer.from(await gateway.artifacts.read(digest)).toString();
  return {
    calls,
    requests: await Promise.all(
      calls.map(async ({ request }) => JSON.parse(await text(request)) as ChatBody),
    ),
    responses: await Promise.all(
      calls.map(async ({ finish }) => (finish === undefined ? '' : await text(finish.response))),
    ),
  };
}

async function textTree(root: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[path.slice(root.length + 1)] = await readFile(path, 'utf8');
  }
  return files;
}
