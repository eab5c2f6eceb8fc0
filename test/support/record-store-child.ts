import { asAttemptId, asRolloutId } from '../../src/base/brand.ts';
import { systemClock } from '../../src/base/clock.ts';
import { openSqliteStore } from '../../src/store/sqlite/open.ts';
import {
  aBatch,
  aCall,
  aClaim,
  aDecision,
  aFinish,
  anEnd,
  aPlan,
  aVerification,
} from './records.ts';

/**
 * A process for tests to kill: `node record-store-child.ts FOLDER ROLLOUTS LANES` lives rollouts
 * through, in lanes side by side, and prints `STEP ROLLOUT` after each step that the store
 * acknowledged. Without rollouts it only holds the store.
 */
const [folder = '', rollouts = '0', lanes = '1'] = process.argv.slice(2);
const store = await openSqliteStore({ folder, holder: 'the child process', clock: systemClock });
const plan = aPlan(Number(rollouts));
await store.planBatch(aBatch(), plan);
const say = (step: string, id: string): unknown => process.stdout.write(`${step} ${id}\n`);
say('ready', '-');

const left = (await store.listRollouts(aBatch().id, { undecided: true })).map((row) => row.id);
async function lane(): Promise<void> {
  for (let id = left.shift(); id !== undefined; id = left.shift()) await liveThrough(id);
}

async function liveThrough(id: string): Promise<void> {
  const rollout = asRolloutId(id);
  const stale = (await store.listAttempts(rollout)).at(-1);
  if (stale !== undefined && stale.close === undefined) {
    await store.closeAttempt(stale.id, { class: 'disruption', reason: 'EngineDied', closedAt: 1 });
  }
  const { id: attempt } = await store.openAttempt(rollout, aClaim());
  say('open', id);
  await store.openCall(aCall(rollout, { callId: attempt, attempt: asAttemptId(attempt) }));
  await store.finishCall(attempt, aFinish());
  say('call', id);
  await store.endAttempt(attempt, 'nonce-1', anEnd());
  say('end', id);
  await store.addVerification(aVerification(rollout, { attempt }));
  say('verify', id);
  await store.decideRollout(rollout, aDecision(rollout, { attempt }));
  say('decide', id);
  await store.closeAttempt(attempt, { class: 'scored', reason: '', closedAt: 2 });
}

if (plan.length === 0) setInterval(() => undefined, 1_000);
else await Promise.all(Array.from({ length: Number(lanes) }, lane));
