import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candidate, startCandidate } from '../../../test/support/candidate.ts';
import { type CallFate, LeaseRegister } from '../../../test/support/lease-register.ts';
import { type HostClock, SimHost, Simulation } from '../../../test/support/simulation.ts';

const ROUND_MS = 1000;

/** Clocks that run up to 10 % apart from true time: far more than real ones, within the margin. */
const clock = fc.record({
  rate: fc.double({ min: 0.9, max: 1.1, noNaN: true }),
  uptimeMs: fc.nat(1e9),
  wallMs: fc.nat(2e12),
  wallStopped: fc.boolean(),
});

const fate: fc.Arbitrary<CallFate> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ requestMs: fc.nat(40), answerMs: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ requestMs: fc.nat(2500), answerMs: fc.nat(1500) }) },
  { weight: 1, arbitrary: fc.record({ lost: fc.constant('request' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ requestMs: fc.nat(2500), lost: fc.constant('answer' as const) }),
  },
);

/** What happens to one of the hosts at the beginning of a round. */
const blow = fc.record({
  host: fc.nat(3),
  what: fc.constantFrom('stop', 'kill', 'cancel', 'none', 'none'),
  ms: fc.nat(7000),
});

const story = fc.record({
  clocks: fc.array(clock, { minLength: 2, maxLength: 4 }),
  fates: fc.array(fate, { minLength: 20, maxLength: 60 }),
  jitter: fc.array(fc.double({ min: 0, max: 0.99, noNaN: true }), { minLength: 5, maxLength: 9 }),
  blows: fc.array(blow, { minLength: 20, maxLength: 40 }),
});

type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

/** Hosts that run one process after another: where one has ended, the next round starts a new one. */
class World {
  readonly register: LeaseRegister;
  readonly everyone: Candidate[] = [];
  readonly #simulation = new Simulation();
  readonly #running = new Map<number, Candidate>();
  readonly #story: Story;
  #calls = 0;
  #calm = false;
  /** Most processes that could act at one moment. */
  worst = 0;

  constructor(told: Story) {
    this.#story = told;
    this.register = new LeaseRegister(this.#simulation);
  }

  get leaders(): readonly Candidate[] {
    return this.everyone.filter(({ election }) => election.leadership.leading);
  }

  async tell(): Promise<void> {
    for (const { host, what, ms } of this.#story.blows) {
      this.#restartEnded();
      const index = host % this.#story.clocks.length;
      const hit = this.#running.get(index);
      if (what === 'stop') hit?.host.stop(ms);
      if (what === 'cancel') hit?.cancel();
      if (what === 'kill') {
        hit?.host.stop(Number.MAX_SAFE_INTEGER);
        this.#running.delete(index);
      }
      await this.#round();
    }
  }

  /** No more faults. */
  async calmDown(rounds: number): Promise<void> {
    this.#calm = true;
    for (let round = 0; round < rounds; round += 1) {
      this.#restartEnded();
      await this.#round();
    }
  }

  async #round(): Promise<void> {
    await this.#simulation.advance(ROUND_MS, () => {
      this.worst = Math.max(this.worst, this.leaders.length);
    });
  }

  #restartEnded(): void {
    for (const [index, hostClock] of this.#story.clocks.entries())
      if (this.#running.get(index)?.outcome !== 'running')
        this.#running.set(index, this.#start(hostClock));
  }

  #start(hostClock: HostClock): Candidate {
    const { fates, jitter } = this.#story;
    const host = new SimHost(this.#simulation, hostClock);
    let looks = this.everyone.length;
    const candidate = startCandidate(this.register, host, `process-${this.everyone.length}`, {
      random: () => jitter[looks++ % jitter.length] ?? 0,
      network: () => (this.#calm ? {} : (fates[this.#calls++ % fates.length] ?? {})),
    });
    this.everyone.push(candidate);
    return candidate;
  }
}

test('never two may act at once, whatever clocks, pauses, kills and lost answers do', async () => {
  let terms = 0;
  await fc.assert(
    fc.asyncProperty(story, async (told) => {
      const world = new World(told);
      await world.tell();
      expect(world.worst).toBeLessThanOrEqual(1);
      terms += world.everyone.filter(({ acting }) => acting !== undefined).length;
      await world.calmDown(14);
      expect(world.worst).toBe(1);
      expect(world.leaders).toHaveLength(1);
    }),
    { numRuns: 20, endOnFailure: true },
  );
  expect(terms).toBeGreaterThan(20);
}, 180_000);
