import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import { SYNTHESIS_ROUTES, zGatesAnswer } from '../../protocol/synthesis-api.ts';
import type { GateRun, RunPlan } from '../../rollouts/gates/gate-runs.ts';
import type { RunRows } from '../../rollouts/gates/verdict.ts';
import type { Candidate } from '../candidate.ts';
import type { GateReport, GateRunner } from '../gate-runner.ts';
import type { SynthesisClient } from './synthesis-client.ts';

export interface HttpGatesOptions {
  readonly client: SynthesisClient;
  readonly clock: Clock;
  /** Between two looks at what RolloutBatches have come to; default 1 s. */
  readonly lookMs?: number;
}

const LOOK_MS = 1000;

/**
 * Gate runs by RolloutBatches: the server makes the candidate from its own row of the record, the
 * operator makes the batches, and their rows are what is read here.
 */
export class HttpGates implements GateRunner {
  readonly #options: HttpGatesOptions;

  constructor(options: HttpGatesOptions) {
    this.#options = options;
  }

  async run(
    { entry }: Candidate,
    plans: readonly RunPlan[],
    label: string,
    signal: AbortSignal,
  ): Promise<GateReport> {
    const { client, clock, lookMs = LOOK_MS } = this.#options;
    const number = Number(/-(\d+)$/.exec(entry.task.id)?.[1]);
    const wanted = { number, label, task: entry.digest, runs: plans.map(({ run }) => run) };
    for (let again = true; ; again = false) {
      const body = { ...wanted, again };
      const ask = { method: 'POST', path: SYNTHESIS_ROUTES.gates, body } as const;
      const what = `gates of record ${number}`;
      const { open, reports } = await client.call(what, ask, zGatesAnswer, signal);
      if (!open) return reportOf(plans, reports, number);
      await clock.sleep(lookMs, signal);
    }
  }
}

function reportOf(
  plans: readonly RunPlan[],
  reports: ReturnType<typeof zGatesAnswer.parse>['reports'],
  number: number,
): GateReport {
  const runs: Partial<Record<GateRun, RunRows>> = {};
  const notes: string[] = [];
  for (const { run } of plans) {
    const report = reports[run];
    if (report === undefined)
      throw new ClawError('Internal', `gate ${run} of record ${number} is over without a report`);
    const { place, problem, rows } = report;
    if (problem !== undefined)
      throw new ClawError('SandboxFailed', `gate ${run} of record ${number}: ${problem}`);
    runs[run] = { kind: 'rows', rows, place };
    notes.push(...report.notes);
  }
  return { runs, notes };
}
