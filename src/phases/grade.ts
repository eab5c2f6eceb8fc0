import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClawError } from '../base/error.ts';
import { lastLine, plainText } from '../base/plain-text.ts';
import type { Check, Finding } from '../rollouts/outcome.ts';
import type { CodeVerifier } from '../tasks/task.ts';
import { readVerdict, type Verdict } from '../verifiers/verdict.ts';
import type { CompiledVerifiers } from './compiled-verifiers.ts';
import { type GradeLayout, gradeMounts, layOutGrade } from './grade-layout.ts';
import { GRADER_ARGV } from './grade-programs.ts';
import {
  DEFAULT_GRADE_LIMITS,
  type GradeLimits,
  type GradePayload,
  gradeSpec,
  verifierFindings,
} from './grade-spec.ts';
import type { ProcessSandbox, SandboxExit } from './process-sandbox.ts';
import { readVerdictFile } from './verdict-file.ts';

export interface GradeRequest {
  /** For sandbox and log names: [a-z0-9-], at most 80 characters. */
  readonly name: string;
  readonly verifier: CodeVerifier;
  /** Host folder with the verifier's files; mounted read-only. */
  readonly verifierDir: string;
  /** Host folder with the scratch copy of the workspace; the verifier may change it. */
  readonly scratchDir: string;
  /** Where the verifier sees the workspace; absolute. */
  readonly workspacePath: string;
  readonly payload: GradePayload;
  /** Wall-clock seconds of the verifier itself. */
  readonly timeoutSeconds: number;
  readonly limits?: Partial<GradeLimits>;
}

export interface GradeDeps {
  readonly sandbox: ProcessSandbox;
  /** Folder of `ensureGradePrograms`. */
  readonly programsDir: string;
  /** Verifiers that need not be compiled again. */
  readonly compiled?: Pick<CompiledVerifiers, 'of'>;
  /** Folder in which each run makes one of its own; its owner removes it. Others may enter it. */
  readonly tmpDir: string;
  readonly signal: AbortSignal;
  /** Unguessable, new for every run. */
  readonly newNonce?: () => string;
}

export interface GradeResult {
  readonly status: 'ok' | 'crash' | 'timeout' | 'invalid';
  /** Why there is no score: one printable line; empty where there is one. */
  readonly message: string;
  /** In the verifier's own order. */
  readonly checks: readonly Check[];
  /** Not clamped, as in the reference; null without a score. */
  readonly flat: number | null;
  /** In [0, 1]. */
  readonly native: number | null;
  readonly seconds: number;
  /** Version of the interpreter that graded; empty where it did not come to its verdict. */
  readonly python: string;
  readonly root: string;
  readonly findings: readonly Finding[];
  /** What the verifier was seen to do, whatever the static scan said. */
  readonly observed: Verdict['observed'];
}

/** Read and removed by the grader before anything of the verifier runs. */
const COMPILED_NAME = 'verifier.code';
/** Seconds for the interpreter's start and the end of left-over processes. */
const GRACE_SECONDS = 15;
/**
 * Runs one code verifier on one scratch workspace in a sandbox without network or credential
 * (design: rollouts.md 1 and 7). Throws `Cancelled` and what the sandbox throws; everything that
 * the verifier or the agent's files can do ends in a result.
 */
export async function grade(request: GradeRequest, deps: GradeDeps): Promise<GradeResult> {
  const nonce = (deps.newNonce ?? (() => randomBytes(16).toString('hex')))();
  const limits = { ...DEFAULT_GRADE_LIMITS, ...request.limits };
  const runDir = join(deps.tmpDir, `${request.name}-${nonce.slice(0, 12)}`);
  mkdirSync(runDir, { mode: 0o755 });
  const layout = await layOutGrade(request, runDir, deps.sandbox.owner);
  const compiled = deps.compiled?.of(request.verifier);
  if (compiled !== undefined) writeFileSync(join(layout.verdictDir, COMPILED_NAME), compiled);
  const exit = await deps.sandbox.run(
    {
      name: request.name,
      argv: GRADER_ARGV,
      env: gradeEnv(request.verifier),
      cwd: '/',
      stdin: JSON.stringify(
        gradeSpec({ ...request, limits, nonce, compiled: compiled !== undefined }),
      ),
      mounts: gradeMounts(request, layout, deps.programsDir),
      tmpMiB: limits.tmpMiB,
      limits,
      deadlineSeconds: request.timeoutSeconds + GRACE_SECONDS,
      keepOutputBytes: 32 * 1024,
    },
    deps.signal,
  );
  if (exit.cancelled) throw new ClawError('Cancelled', `grading of ${request.name} was cancelled`);
  return await judge(exit, layout, nonce, { request, limits, deps });
}

function gradeEnv(verifier: CodeVerifier): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...verifier.env,
  };
}

interface JudgeContext {
  readonly request: GradeRequest;
  readonly limits: GradeLimits;
  readonly deps: GradeDeps;
}

async function judge(
  exit: SandboxExit,
  layout: GradeLayout,
  nonce: string,
  context: JudgeContext,
): Promise<GradeResult> {
  const failed = failure(exit, context);
  const reading = failed ?? readVerdictFile(layout.verdictDir);
  const verdict =
    typeof reading === 'string' ? readVerdict(reading, nonce) : { problem: reading.message };
  if ('verdict' in verdict) return withVerdict(verdict.verdict, exit, layout, context);
  const said = lastLine(exit.stderr.bytes);
  return {
    status: failed?.status ?? 'crash',
    message: plainText(said === '' ? verdict.problem : `${verdict.problem}: ${said}`),
    checks: [],
    flat: null,
    native: null,
    seconds: exit.seconds,
    python: '',
    root: context.deps.sandbox.root,
    findings: findings(undefined, exit, layout, context),
    observed: { inProcess: [], children: [] },
  };
}

/** A sandbox that did not end by exit 0 has no verdict, whatever lies in its folder. */
function failure(
  exit: SandboxExit,
  { request, limits }: JudgeContext,
): { readonly status: 'crash' | 'timeout'; readonly message: string } | undefined {
  if (exit.timedOut) {
    return { status: 'timeout', message: `no result after ${request.timeoutSeconds} seconds` };
  }
  if (exit.exitCode === 0) return undefined;
  const how = exit.signal === null ? `exit code ${exit.exitCode}` : exit.signal;
  const message = exit.oomKilled
    ? `the verifier was killed for using more than ${limits.memoryMiB} MiB`
    : `the verifier's process ended with ${how}`;
  return { status: 'crash', message };
}

function withVerdict(
  verdict: Verdict,
  exit: SandboxExit,
  layout: GradeLayout,
  context: JudgeContext,
): GradeResult {
  return {
    status: verdict.status,
    message: plainText(verdict.message),
    checks: verdict.checks,
    flat: verdict.flat,
    native: verdict.native,
    seconds: verdict.seconds,
    python: plainText(verdict.python),
    root: context.deps.sandbox.root,
    findings: findings(verdict, exit, layout, context),
    observed: verdict.observed,
  };
}

function findings(
  verdict: Verdict | undefined,
  exit: SandboxExit,
  layout: GradeLayout,
  { request, limits, deps }: JudgeContext,
): readonly Finding[] {
  const found: Finding[] = [...(deps.sandbox.findings ?? [])];
  if (deps.sandbox.root === 'host') {
    found.push({ code: 'HostPython', message: "graded with this host's Python, not the runner's" });
  }
  if (verdict?.status === 'ok' && exit.oomKilled) {
    const message = `a program that the verifier started was killed for memory (${limits.memoryMiB} MiB)`;
    found.push({ code: 'ChildKilledForMemory', message });
  }
  return [...found, ...verifierFindings(request.verifier, layout.visibleAt, verdict?.observed)];
}
