import type { LookupAddress } from 'node:dns';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import type { LookUpAll } from './forbidden-hosts.ts';
import { keptLookup } from './kept-lookup.ts';

const FIRST: LookupAddress[] = [{ address: '10.96.0.5', family: 4 }];
const SECOND: LookupAddress[] = [{ address: '10.96.0.6', family: 4 }];
const AWAY = 'EAI_AGAIN';

/** A name's look-ups: what the system says next, or `undefined` where it says nothing. */
function bed() {
  const clock = new ManualClock();
  let said: LookupAddress[] | string | undefined = FIRST;
  const system: LookUpAll = (_name, _options, callback) => {
    if (typeof said === 'string') callback(Object.assign(new Error('no'), { code: said }), []);
    else if (said !== undefined) callback(null, said);
  };
  const lookup = keptLookup(system, clock);
  const ask = async (name = 'model.team.svc') => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    lookup(name, { all: true }, (error, found) => resolve(error?.code ?? found));
    return await promise;
  };
  return {
    clock,
    ask,
    says: (next: typeof said) => {
      said = next;
    },
  };
}

it('uses the last answer where no name server has one, for ten minutes', async () => {
  const { ask, says, clock } = bed();
  expect(await ask()).toEqual(FIRST);
  says(AWAY);
  expect(await ask()).toEqual(FIRST);
  clock.advance(599_000);
  expect(await ask()).toEqual(FIRST);
  clock.advance(1000);
  expect(await ask()).toBe(AWAY);
});

it('waits two seconds for a system that is slow where it knows an answer', async () => {
  const { ask, says, clock } = bed();
  await ask();
  says(undefined);
  const asked = ask();
  clock.advance(1999);
  expect(await Promise.race([asked, Promise.resolve('waits')])).toBe('waits');
  clock.advance(1);
  expect(await asked).toEqual(FIRST);
});

it('follows the system in what it says', async () => {
  const { ask, says } = bed();
  await ask();
  says(SECOND);
  expect(await ask()).toEqual(SECOND);
  says(AWAY);
  expect(await ask()).toEqual(SECOND);
  says('ENOTFOUND');
  expect(await ask()).toBe('ENOTFOUND');
  says(AWAY);
  expect(await ask()).toBe(AWAY);
});

it('answers for no other name', async () => {
  const { ask, says } = bed();
  await ask();
  says(AWAY);
  expect(await ask('other.team.svc')).toBe(AWAY);
});
