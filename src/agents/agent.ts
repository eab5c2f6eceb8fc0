import type { Sha256 } from '../base/brand.ts';
import type { Logger } from '../base/logger.ts';
import type { Task } from '../tasks/task.ts';
import type { BlobSource } from '../tasks/task-set.ts';

/**
 * A harness: a black box that turns a task's instruction and workspace into a changed workspace.
 * `agentFor(options)` in registry.ts returns one by name. Resources as values: no state between
 * attempts.
 */
export interface Agent {
  readonly name: string;
  /** Installs what the harness needs (idempotent, safe under concurrency) and fixes its identity. */
  prepare(context: AgentPrepareContext): Promise<PreparedAgent>;
  /**
   * The same harness where an image of ours brings its programs: nothing is installed, its plans mount
   * nothing, and its identity is the same.
   */
  fromImage(): Promise<PreparedAgent>;
}

export interface AgentPrepareContext {
  /** Root of this user's cache; the harness owns `<cache>/agents/<name>-<digest>`. */
  readonly cacheDir: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface PreparedAgent {
  readonly name: string;
  /** Version of the harness; of a builtin agent, the number of what it does. */
  readonly version: string;
  /** Digest over everything that shapes the harness's behaviour: version, flags, configuration. */
  readonly configDigest: Sha256;
  /** Floor of the memory limit of what it starts for a task; 0 where it certainly starts nothing. */
  programMiB(task: Task): number;
  /** Why this agent cannot run this task (for example no reference solution), or undefined. */
  unsuited(task: Task): { readonly reason: string; readonly message: string } | undefined;
  /** What to do for one attempt. Pure apart from reading blobs. */
  plan(task: Task, context: AgentTaskContext): Promise<AgentPlan>;
}

export interface AgentTaskContext {
  readonly blobs: BlobSource;
  /** Model name that the harness must ask for; undefined for agents without a model. */
  readonly model: string | undefined;
  /** Seconds that the wrapper allows for all turns together. */
  readonly deadlineSeconds: number;
}

export type AgentPlan = BuiltinPlan | ProcessPlan;

/**
 * Changes made by trusted code, without a sandbox: nop, lazy, most cheats. The engine applies them
 * in order, without following links.
 */
export interface BuiltinPlan {
  readonly kind: 'builtin';
  readonly changes: readonly WorkspaceChange[];
}

export type WorkspaceChange =
  | {
      readonly op: 'write';
      readonly path: string;
      readonly content: Uint8Array;
      readonly executable?: boolean;
    }
  | { readonly op: 'mkdir'; readonly path: string }
  | { readonly op: 'delete'; readonly path: string }
  | { readonly op: 'symlink'; readonly path: string; readonly target: string };

/** A program in a sandbox. Inside: cwd = the workspace, HOME=/tmp/home, model link on loopback. */
export interface ProcessPlan {
  readonly kind: 'process';
  /** One command a turn, run one after the other under one deadline; a non-zero exit ends the list. */
  readonly commands: readonly AgentCommand[];
  /** Files under /agent (read-only in the sandbox): configuration, instruction files. */
  readonly files: readonly { readonly path: string; readonly content: Uint8Array | string }[];
  /** Read-only binds of host folders: the installed harness and its interpreter. */
  readonly mounts: readonly { readonly source: string; readonly target: string }[];
  /** Added to the sandbox's own PATH, HOME, LANG, TZ, OPENAI_BASE_URL, OPENAI_API_KEY. */
  readonly env: Readonly<Record<string, string>>;
  /** Floor of the memory limit that the harness itself needs. */
  readonly memoryMiB: number;
}

export interface AgentCommand {
  readonly argv: readonly string[];
  /** Standard input; absent: /dev/null. */
  readonly stdin?: string;
}

/** Names and places that every sandboxed agent sees (design: rollouts.md 3). */
export const MODEL_LINK_URL = 'http://127.0.0.1:8089/v1';
export const MODEL_LINK_KEY = 'clawgym-dummy-key';
export const AGENT_DIR = '/agent';
