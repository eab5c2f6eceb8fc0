import { asAttemptId, asBatchId, asRolloutId, type RolloutId } from '../../src/base/brand.ts';
import { sha256 } from '../../src/base/digest.ts';
import type {
  AttemptClaim,
  AttemptEnd,
  BatchRow,
  CallFinish,
  OpenCall,
  PlannedRollout,
  RolloutDecision,
  VerificationRow,
} from '../../src/store/records.ts';

/** Builders of record rows for tests: complete and valid, with the fields under test overridden. */
export const SOME_DIGEST = sha256('some bytes');

export function aBatch(over: Partial<BatchRow> = {}): BatchRow {
  return {
    id: asBatchId('batch-1'),
    owner: { kind: 'BenchRun', name: 'example', arm: 'nop' },
    taskSet: sha256('task set'),
    specDigest: sha256('spec'),
    spec: '{"agent":"nop"}',
    createdAt: 1_000,
    ...over,
  };
}

/** `tasks` x `samples` rollouts of a batch, in plan order. */
export function aPlan(tasks: number, samples = 1, batch = 'batch-1'): PlannedRollout[] {
  return Array.from({ length: tasks * samples }, (_, index) => {
    const taskId = `task-${Math.floor(index / samples)}`;
    const sample = index % samples;
    return {
      id: asRolloutId(`${batch}/${taskId}/${sample}`),
      taskId,
      taskDigest: sha256(taskId),
      sample,
    };
  });
}

export function aClaim(over: Partial<AttemptClaim> = {}): AttemptClaim {
  return {
    engine: 'engine-1',
    nonce: 'nonce-1',
    startedAt: 2_000,
    harness: { name: 'nop', version: '0.1.0', configDigest: sha256('nop') },
    ...over,
  };
}

export function anEnd(over: Partial<AttemptEnd> = {}): AttemptEnd {
  return {
    agent: { exitCode: 0, signal: null, reason: 'Exited', seconds: 1.25 },
    snapshot: SOME_DIGEST,
    refused: undefined,
    stdout: undefined,
    stderr: undefined,
    findings: [],
    endedAt: 3_000,
    ...over,
  };
}

export function aVerification(
  rollout: RolloutId,
  over: Partial<VerificationRow> = {},
): VerificationRow {
  return {
    attempt: asAttemptId(`${rollout}#1`),
    kind: 'main',
    status: 'ok',
    message: '',
    checks: [
      { name: 'zeta', value: 1 },
      { name: 'alpha', value: 0.1 + 0.2 },
    ],
    flat: 0.65,
    native: 0.5,
    seconds: 0.75,
    grader: { root: 'host', python: '3.13.5' },
    findings: [{ code: 'HostPython', message: 'graded with the Python of this host' }],
    createdAt: 4_000,
    ...over,
  };
}

export function aDecision(
  rollout: RolloutId,
  over: Partial<RolloutDecision> = {},
): RolloutDecision {
  return {
    outcome: 'scored',
    reason: '',
    attempt: asAttemptId(`${rollout}#1`),
    score: { flat: 0.65, native: 0.5, rubric: null, final: 0.5 },
    asLeft: undefined,
    checks: [{ name: 'zeta', value: 1 }],
    findings: [],
    decidedAt: 5_000,
    ...over,
  };
}

export function aCall(rollout: RolloutId, over: Partial<OpenCall> = {}): OpenCall {
  return {
    callId: 'call-1',
    attempt: asAttemptId(`${rollout}#1`),
    startedAt: 2_500,
    model: 'scripted',
    request: SOME_DIGEST,
    ...over,
  };
}

export function aFinish(over: Partial<CallFinish> = {}): CallFinish {
  return {
    status: 200,
    contentType: 'application/json',
    response: SOME_DIGEST,
    result: 'complete',
    inputTokens: 12,
    outputTokens: 3,
    endedAt: 2_600,
    ...over,
  };
}
