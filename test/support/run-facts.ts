import { asAttemptId, asBatchId, asRolloutId } from '../../src/base/brand.ts';
import { sha256 } from '../../src/base/digest.ts';
import type {
  ArmFacts,
  ArmLabel,
  RolloutFacts,
  RunFacts,
  TaskFacts,
} from '../../src/bench/run-facts.ts';
import type { Finding, Outcome } from '../../src/rollouts/outcome.ts';
import type { CallRow } from '../../src/store/records.ts';
import { aCall, aFinish, anEnd } from './records.ts';

/** Builders of the facts that results are computed from. */
export function aTask(id: string, over: Partial<TaskFacts> = {}): TaskFacts {
  return { id, digest: sha256(id), category: 'files', cluster: '', agentCode: 'none', ...over };
}

export interface SampleSpec {
  readonly task: string;
  readonly sample?: number;
  /** Absent: the run ended before. */
  readonly outcome?: Outcome;
  readonly final?: number | null;
  readonly flat?: number | null;
  readonly reason?: string;
  readonly checks?: readonly (readonly [string, number])[];
  readonly findings?: readonly Finding[];
  readonly asLeft?: number;
  readonly seconds?: number;
  readonly tokens?: readonly [number, number];
  readonly graderRoot?: string;
  readonly graderPython?: string;
}

export function aRollout(arm: string, position: number, spec: SampleSpec): RolloutFacts {
  const { task, sample = 0, outcome, final = null, flat = final } = spec;
  const id = asRolloutId(`${arm}/${task}/${sample}`);
  const attempt = asAttemptId(`${id}#1`);
  const call: CallRow = {
    ...aCall(id),
    sequence: 1,
    finish: aFinish({ inputTokens: spec.tokens?.[0], outputTokens: spec.tokens?.[1] }),
  };
  const ran = outcome !== undefined && outcome !== 'not_gradable';
  return {
    row: {
      id,
      batch: asBatchId(arm),
      retriesFrom: 0,
      position,
      taskId: task,
      taskDigest: sha256(task),
      sample,
      decision: outcome && {
        outcome,
        reason: spec.reason ?? '',
        attempt: ran ? attempt : undefined,
        score: { flat, native: final, rubric: null, final },
        asLeft:
          spec.asLeft === undefined
            ? undefined
            : { flat: spec.asLeft, native: spec.asLeft, rubric: null, final: spec.asLeft },
        checks: (spec.checks ?? []).map(([name, value]) => ({ name, value })),
        findings: spec.findings ?? [],
        decidedAt: 1,
      },
    },
    attempts: ran
      ? [
          {
            row: {
              id: attempt,
              end: anEnd({ agent: { ...anEnd().agent, seconds: spec.seconds ?? 1 } }),
            },
            graders: [
              {
                root: spec.graderRoot ?? sha256('runner root'),
                python: spec.graderPython ?? '3.13.5',
              },
            ],
            calls: spec.tokens ? [call] : [],
          },
        ]
      : [],
  };
}

export function anArm(
  name: string,
  samples: readonly SampleSpec[],
  over: Partial<ArmLabel> = {},
): ArmFacts {
  return {
    name,
    kind: 'model',
    agent: { name: 'pi', version: '0.80.0', configDigest: sha256('pi') },
    model: 'some-model',
    batch: { id: asBatchId(name), specDigest: sha256(name) },
    rollouts: samples.map((spec, position) => aRollout(name, position, spec)),
    ...over,
  };
}

export function aRun(
  tasks: readonly TaskFacts[],
  arms: readonly ArmFacts[],
  over: Partial<RunFacts> = {},
): RunFacts {
  return {
    name: 'example',
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    product: { name: 'clawgym-operator', version: '0.1.0' },
    taskSet: sha256('task set'),
    tasks,
    score: 'native',
    command: 'clawgym bench --tasks examples --agent nop',
    parameters: { attempts: '1', parallel: '2' },
    arms,
    ...over,
  };
}
