import type { RecordStore } from './records.ts';

/**
 * The reading half of a record store: what `clawgym show`, `logs` and the reports need, safe beside
 * the engine that owns the store.
 */
export type RecordReader = Pick<
  RecordStore,
  | 'getBatch'
  | 'listBatches'
  | 'getRollout'
  | 'listRollouts'
  | 'countOutcomes'
  | 'getAttempt'
  | 'listAttempts'
  | 'listVerifications'
  | 'listPods'
  | 'getCall'
  | 'listCalls'
> &
  AsyncDisposable;
