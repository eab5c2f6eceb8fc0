import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../src/base/brand.ts';
import { ClawError } from '../../src/base/error.ts';
import { openSqliteReader } from '../../src/store/sqlite/open.ts';
import { type SynthesisSummary, zSynthesisSummary } from '../../src/synthesis/summary.ts';
import {
  type ScriptedModelServer,
  startScriptedModel,
} from '../../test/support/scripted-model-server.ts';
import { fallibleGenerator } from '../../test/support/synthesis/fallible-generator.ts';

/** A store that a killed process has not finished making. */
const UNMADE: ReadonlySet<string> = new Set(['NotFound', 'StoreUnavailable']);

/** How a record ended, as records.jsonl says it. */
const zRecordLine = z.object({
  number: z.number(),
  stage: z.string(),
  /** Stage of the rejection. */
  rejectedBy: z.string().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  task: z.string().optional(),
  calls: z.array(z.string()),
});
export type RecordLine = z.infer<typeof zRecordLine>;

export const startFallibleModel = (): Promise<ScriptedModelServer> =>
  startScriptedModel({ script: ({ prompt }) => fallibleGenerator(prompt) });

/** Writes the manifest of a job that begins exactly so many records. */
export async function writeManifest(file: string, records: number, baseURL: string) {
  const model = { name: 'fallible', upstream: { baseURL } };
  const manifest = {
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'SynthesisJob',
    metadata: { name: 'fallible' },
    spec: {
      // As many as there are records, so that all are begun at once; some must fail.
      target: records,
      seed: 11,
      routes: { personas: {}, skills: {} },
      models: { generator: model, judge: model },
      budgets: { records },
    },
  };
  await writeFile(file, JSON.stringify(manifest));
}

export async function readRecordLines(out: string): Promise<readonly RecordLine[]> {
  const text = await readFile(join(out, 'records.jsonl'), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => zRecordLine.parse(parseJson(line)));
}

export async function readSummary(out: string): Promise<SynthesisSummary> {
  return zSynthesisSummary.parse(parseJson(await readFile(join(out, 'summary.json'), 'utf8')));
}

/** Rows of a job, read beside or after the process that writes them; none where it has not begun. */
export async function readSynthesis(out: string, job: string) {
  try {
    await using store = await openSqliteReader(join(out, 'store'));
    return {
      records: await store.listSynthesisRecords(job),
      calls: await store.listSynthesisCalls(job),
    };
  } catch (cause) {
    if (cause instanceof ClawError && UNMADE.has(cause.code)) return { records: [], calls: [] };
    throw cause;
  }
}
