import type { SynthesisRuns } from '../synthesis-runs.ts';
import type { Connection } from './connection.ts';
import {
  addGateRound,
  endGate,
  endGateRound,
  getGateRound,
  listGates,
  openGateRounds,
  setGateBatch,
  wantGate,
} from './synthesis-gates.ts';
import {
  changeSynthesisRun,
  getSynthesisRecord,
  getSynthesisRun,
  listSynthesisRuns,
  pageSynthesisRecords,
  planSynthesisRun,
  removeSynthesisRows,
  synthesisLines,
  synthesisRunOfWorker,
  synthesisUsage,
} from './synthesis-runs.ts';

/** How an owner's store reads and writes. */
export interface StoreAccess {
  readonly read: <T>(work: (db: Connection) => T) => Promise<T>;
  readonly write: <T>(work: (db: Connection) => T) => Promise<T>;
}

export function sqliteSynthesisRuns({ read, write }: StoreAccess): SynthesisRuns {
  return {
    planSynthesisRun: (job, run) => write((db) => planSynthesisRun(db, job, run)),
    getSynthesisRun: (job) => read((db) => getSynthesisRun(db, job)),
    synthesisRunOfWorker: (worker) => read((db) => synthesisRunOfWorker(db, worker)),
    listSynthesisRuns: () => read((db) => listSynthesisRuns(db)),
    changeSynthesisRun: (job, changes) => write((db) => changeSynthesisRun(db, job, changes)),
    getSynthesisRecord: (job, number) => read((db) => getSynthesisRecord(db, job, number)),
    pageSynthesisRecords: (...page) => read((db) => pageSynthesisRecords(db, ...page)),
    synthesisLines: (job) => read((db) => synthesisLines(db, job)),
    synthesisUsage: (job) => read((db) => synthesisUsage(db, job)),
    wantGate: (gate, again) => write((db) => wantGate(db, gate, again)),
    listGates: (job, of) => read((db) => listGates(db, job, of)),
    addGateRound: (...round) => write((db) => addGateRound(db, ...round)),
    openGateRounds: (job) => read((db) => openGateRounds(db, job)),
    getGateRound: (job, id) => read((db) => getGateRound(db, job, id)),
    setGateBatch: (job, id, batch) => write((db) => setGateBatch(db, job, id, batch)),
    endGateRound: (job, id, reports) => write((db) => endGateRound(db, job, id, reports)),
    endGate: (end) => write((db) => endGate(db, end)),
    removeSynthesisRows: (job, most) => write((db) => removeSynthesisRows(db, job, most)),
  };
}
