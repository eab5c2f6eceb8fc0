import { SynthesisDesk, type SynthesisDeskOptions } from './synthesis-desk.ts';
import { WorkerDesk } from './worker-desk.ts';

/** What a server has for SynthesisJobs: for the operator, and for the pods of workers. */
export interface OpenSynthesis {
  readonly desk: SynthesisDesk;
  readonly worker: WorkerDesk;
}

/** `signal` ends calls of models when the server ends. */
export function openSynthesis(
  options: SynthesisDeskOptions & { readonly signal: AbortSignal; readonly holdMs?: number },
): OpenSynthesis {
  const desk = new SynthesisDesk(options);
  return { desk, worker: new WorkerDesk({ ...options, desk }) };
}
