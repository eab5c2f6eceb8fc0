import type { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import {
  SYNTHESIS_ROUTES,
  zSynthesisClaim,
  zSynthesisOutput,
} from '../../protocol/synthesis-api.ts';
import { JobRunner } from '../job-runner.ts';
import { NoveltyIndex } from '../novelty/novelty-index.ts';
import { type Prompts, promptNamed } from '../prompts.ts';
import type { SynthesisRecord } from '../record.ts';
import { sampleRecord } from '../sample.ts';
import { HttpCaller } from './http-caller.ts';
import { HttpGates } from './http-gates.ts';
import { httpRecords } from './http-records.ts';
import type { SynthesisClient } from './synthesis-client.ts';

export interface WorkerParts {
  readonly client: SynthesisClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Between two looks at gate runs. */
  readonly lookMs?: number;
}

/**
 * Takes the records of the job that this pod works for to their ends, and has the accepted tasks stored.
 * It keeps nothing: killed anywhere and started again it goes on with what the server has.
 */
export async function runWorker(
  { client, clock, logger, lookMs }: WorkerParts,
  stop: AbortSignal,
): Promise<z.infer<typeof zSynthesisOutput>> {
  const asked = { method: 'POST', path: SYNTHESIS_ROUTES.claim, body: {} } as const;
  const claim = await client.call('the claim', asked, zSynthesisClaim, stop);
  const { job, name, target, maxRecords, parallelism, maxSimilarity, sampling } = claim;
  const index = new NoveltyIndex();
  for (const { id, instruction } of claim.against) index.add(id, instruction);
  logger.info({ job, name, target, maxRecords, parallelism }, 'the job is claimed');
  const runner = new JobRunner({
    ...{ job, target, maxRecords, parallelism, maxSimilarity, index, clock, logger },
    store: httpRecords(client, stop),
    sample: (number) => sampleRecord(sampling.seeds, sampling.rules, number),
    stages: {
      job: name,
      caller: new HttpCaller(client, claim.exhausted),
      prompts: promptsOf(claim.prompts),
      gates: new HttpGates({ client, clock, ...(lookMs !== undefined && { lookMs }) }),
      bounds: { lazyCeiling: claim.lazyCeiling },
      rubric: claim.rubric,
    },
    changed: (record) => tell(record, logger),
  });
  await runner.run(stop);
  const output = { method: 'POST', path: SYNTHESIS_ROUTES.output, body: {} } as const;
  return await client.call('the output', output, zSynthesisOutput, stop);
}

function promptsOf(texts: Readonly<Record<string, string>>): Prompts {
  return new Map(Object.entries(texts).map(([name, text]) => [promptNamed(name), text]));
}

function tell({ number, stage, revision, data }: SynthesisRecord, logger: Logger): void {
  const { reason } = data.rejection ?? {};
  logger.info(
    { record: number, revision, stage, ...(reason !== undefined && { reason }) },
    'checkpoint',
  );
}
