import { z } from 'zod';
import { type RecordRow, SYNTHESIS_ROUTES, zRecordPage } from '../../protocol/synthesis-api.ts';
import type { SynthesisRecordRow } from '../../store/synthesis-records.ts';
import type { RunnerStore } from '../job-runner.ts';
import type { SynthesisClient } from './synthesis-client.ts';

const zNothing = z.unknown();

/** The records of the job that the pod works for: the server knows which one that is. */
export function httpRecords(client: SynthesisClient, stop: AbortSignal): RunnerStore {
  return {
    listSynthesisRecords: async (job) => {
      const rows: SynthesisRecordRow[] = [];
      for (;;) {
        const after = rows.at(-1)?.number ?? 0;
        const path = `${SYNTHESIS_ROUTES.records}?after=${after}`;
        const ask = { method: 'GET', path } as const;
        const { records } = await client.call('the records', ask, zRecordPage, stop);
        if (records.length === 0) return rows;
        for (const row of records) rows.push({ job, ...row, endedAt: row.endedAt });
      }
    },
    addSynthesisRecord: async (row) => {
      const ask = { method: 'POST', path: SYNTHESIS_ROUTES.records, body: rowOf(row) } as const;
      await client.call(`record ${row.number}`, ask, zNothing, stop);
    },
    saveSynthesisRecord: async (row) => {
      const path = SYNTHESIS_ROUTES.record.replace(':number', String(row.number));
      const ask = { method: 'PUT', path, body: rowOf(row) } as const;
      await client.call(`a checkpoint of record ${row.number}`, ask, zNothing, stop);
    },
  };
}

function rowOf({ number, revision, stage, data, endedAt }: SynthesisRecordRow): RecordRow {
  return { number, revision, stage, data, ...(endedAt !== undefined && { endedAt }) };
}
