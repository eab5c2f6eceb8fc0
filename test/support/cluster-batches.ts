import type { PlanBatchBody } from '../../src/protocol/operator-api.ts';
import type { AttemptEndBody, VerdictBody } from '../../src/protocol/sandbox-api.ts';
import { NAMESPACE, type PodEnding, type ScriptedCluster } from './scripted-cluster.ts';

/** What an operator sends for a RolloutBatch over small written-out tasks. */
export function aPlanBody(
  over: {
    readonly name?: string;
    readonly agent?: object;
    readonly spec?: object;
    readonly tasks?: readonly { readonly name: string; readonly task: unknown }[];
  } = {},
): PlanBatchBody {
  const { name = 'run', agent = { name: 'nop' }, tasks = [aTask('one'), aTask('two')] } = over;
  const selector = { matchLabels: { set: 'a' } };
  return {
    namespace: NAMESPACE,
    name,
    owner: { kind: 'RolloutBatch', name, arm: name },
    spec: { tasks: { selector }, agent, ...over.spec },
    source: { kind: 'tasks', tasks: [...tasks] },
  };
}

export function aTask(
  name: string,
  over: { readonly check?: string; readonly task?: object } = {},
): { readonly name: string; readonly task: unknown } {
  const { check = 'print(1)\n' } = over;
  return {
    name,
    task: {
      task: {
        instruction: { turns: [{ text: `Write out.txt (${name}).` }] },
        workspace: { inputs: [{ path: 'in.txt', text: `input of ${name}\n`, mode: 'protected' }] },
        verifier: {
          dialect: 'check-json',
          entry: 'check.py',
          files: [{ path: 'check.py', text: check }],
        },
        ...over.task,
      },
    },
  };
}

/** An agent that ended by exit 0 and left a workspace. */
export async function endedWell(cluster: ScriptedCluster): Promise<AttemptEndBody> {
  const { digest } = await cluster.artifacts.put(Buffer.from('a workspace'));
  return {
    agent: { exitCode: 0, signal: null, reason: 'Exited', seconds: 1.5, detail: '' },
    snapshot: digest,
    findings: [],
  };
}

/** A verdict as the grader writes it. */
export function aVerdict(
  nonce: unknown,
  checks: Readonly<Record<string, number>>,
  over: object = {},
): PodEnding<VerdictBody> {
  const pairs = Object.entries(checks);
  const flat = pairs.reduce((sum, [, value]) => sum + value, 0) / Math.max(1, pairs.length);
  const text = JSON.stringify({
    nonce,
    status: 'ok',
    message: '',
    checks: pairs,
    flat,
    native: Math.min(1, Math.max(0, flat)),
    nativeRaw: null,
    rewardSeen: false,
    python: '3.13.5',
    seconds: 0.25,
    observed: { inProcess: [], children: [] },
    ...over,
  });
  return { report: { text } };
}
