import type { GateBounds } from '../../rollouts/gates/verdicts.ts';
import type { GateRunner } from '../gate-runner.ts';
import type { ModelCaller } from '../model-caller.ts';
import type { Prompts } from '../prompts.ts';
import type { RecordData } from '../record.ts';

/** What every stage may use. */
export interface StageContext {
  /** Name of the job: ids of tasks begin with it. */
  readonly job: string;
  readonly caller: Pick<ModelCaller, 'ask' | 'exhausted'>;
  readonly prompts: Prompts;
  readonly gates: GateRunner;
  readonly bounds: GateBounds;
  /** False: no rubric is asked for. */
  readonly rubric: boolean;
  readonly signal: AbortSignal;
}

export interface StageInput {
  readonly number: number;
  readonly data: RecordData;
}

/** What a stage came to; the runner turns it into the record's next checkpoint. */
export type StageResult =
  /** On to the next stage. */
  | { readonly kind: 'passed'; readonly data: RecordData }
  /** The same stage again, from what is new. */
  | { readonly kind: 'again'; readonly data: RecordData }
  | {
      readonly kind: 'rejected';
      readonly data: RecordData;
      readonly reason: string;
      readonly message: string;
    };

export type RunStage = (input: StageInput, context: StageContext) => Promise<StageResult>;
