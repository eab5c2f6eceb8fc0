import { describe, expect, it } from 'vitest';
import type { BatchPlan } from '../engines/engine.ts';
import type { PreparedArm } from './prepare-arms.ts';
import { runInTurn } from './run-in-turn.ts';

/** What happened, in order; an arm is named by its batch, and a model by its letter. */
async function turns(arms: readonly (readonly [batch: string, model?: string])[], failing = '') {
  const said: string[] = [];
  const served = new Map<string, unknown>();
  const policy = (model: string) => ({
    digest: model,
    policy: {
      prove: () => {
        said.push(`prove ${model}`);
        return model === failing ? Promise.reject(new Error('another canary')) : Promise.resolve();
      },
      rest: () => Promise.resolve(void said.push(`rest ${model}`)),
    },
  });
  for (const [, model] of arms) if (model && !served.has(model)) served.set(model, policy(model));
  const run = runInTurn(
    arms.map(([id]) => ({ batch: { id } }) as unknown as BatchPlan),
    arms.map(([, model]) => ({ served: served.get(model ?? '') }) as unknown as PreparedArm),
    {
      countOutcomes: (id) => Promise.resolve({ planned: 1, undecided: id === 'done' ? 0 : 1 }),
    },
    (plans) => Promise.resolve(void said.push(`run ${plans.map(({ batch }) => batch.id).join()}`)),
  );
  const end = await run.then(
    () => 'ended',
    (thrown: unknown) => String(thrown),
  );
  return [...said, end];
}

describe('the arms of a run', () => {
  it('go together without a model of ours, then one model after the other', async () => {
    expect(await turns([['a', 'x'], ['b'], ['c', 'y'], ['d', 'x'], ['e']])).toEqual([
      'run b,e',
      ...['prove x', 'run a,d', 'rest x'],
      ...['prove y', 'run c', 'rest y'],
      'ended',
    ]);
  });

  it('start no server for what is decided', async () => {
    expect(await turns([['done', 'x']])).toEqual(['ended']);
  });

  it('start nothing of a model that is not the one of its record, and end its server', async () => {
    expect(await turns([['a', 'x']], 'x')).toEqual(['prove x', 'rest x', 'Error: another canary']);
  });
});
