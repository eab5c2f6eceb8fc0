import { expect, it } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { AccessReviews, type Person } from './access-reviews.ts';

const ada: Person = { username: 'ada', uid: '1', groups: ['team'], extra: {} };

function reviews() {
  const asked: string[] = [];
  const state = { away: false, allowed: true };
  const say = async <T>(what: string, answer: T): Promise<T> => {
    asked.push(what);
    if (state.away) throw new Error('away');
    return answer;
  };
  const clock = new ManualClock();
  const source = {
    whois: (token: string) => say(`who ${token}`, token === 'good' ? ada : undefined),
    mayRead: (person: Person, namespace: string) =>
      say(`may ${person.username} ${namespace}`, state.allowed),
  };
  return { reviews: new AccessReviews(source, clock), asked, state, clock };
}

it('asks once a minute for each token and each namespace', async () => {
  const it = reviews();
  for (let time = 0; time < 3; time += 1) {
    expect(await it.reviews.whois('good')).toEqual(ada);
    expect(await it.reviews.whois('bad')).toBeUndefined();
    expect(await it.reviews.mayRead(ada, 'a')).toBe(true);
    expect(await it.reviews.mayRead(ada, 'b')).toBe(true);
  }
  expect(it.asked).toEqual(['who good', 'who bad', 'may ada a', 'may ada b']);
  it.state.allowed = false;
  it.clock.advance(60_001);
  expect(await it.reviews.mayRead(ada, 'a')).toBe(false);
});

it('keeps no failure: who asks next is answered', async () => {
  const it = reviews();
  it.state.away = true;
  await expect(it.reviews.whois('good')).rejects.toThrow('away');
  it.state.away = false;
  expect(await it.reviews.whois('good')).toEqual(ada);
});
