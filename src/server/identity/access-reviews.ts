import type { Clock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';

/** Whom the API server takes a token for. */
export interface Person {
  readonly username: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** What is asked of the API server. */
export interface ReviewSource {
  /** Undefined for a token that it does not believe. */
  whois(token: string): Promise<Person | undefined>;
  /** May the person `get` rolloutbatches of the namespace? */
  mayRead(person: Person, namespace: string): Promise<boolean>;
}

/** A right that was taken away holds so long still. */
const FRESH_MS = 60_000;
const MAX_KEPT = 2000;

/** Answers of one question, kept for a minute. A failure is kept for nobody: the next one asks again. */
class Answers<T> {
  readonly #kept = new Map<string, { readonly until: number; readonly answer: Promise<T> }>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async get(key: string, ask: () => Promise<T>): Promise<T> {
    const now = this.#clock.monotonic();
    const known = this.#kept.get(key);
    if (known !== undefined && known.until > now) return await known.answer;
    const answer = ask();
    this.#kept.delete(key);
    this.#kept.set(key, { until: now + FRESH_MS, answer });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    try {
      return await answer;
    } catch (thrown) {
      this.#kept.delete(key);
      throw thrown;
    }
  }
}

/** What the API server says about people: asked once a minute, since a report asks thousands of times. */
export class AccessReviews {
  readonly #source: ReviewSource;
  readonly #people: Answers<Person | undefined>;
  readonly #rights: Answers<boolean>;

  constructor(source: ReviewSource, clock: Clock) {
    this.#source = source;
    this.#people = new Answers(clock);
    this.#rights = new Answers(clock);
  }

  /** The token itself is not kept. */
  async whois(token: string): Promise<Person | undefined> {
    return await this.#people.get(sha256(token), () => this.#source.whois(token));
  }

  async mayRead(person: Person, namespace: string): Promise<boolean> {
    const key = JSON.stringify([person, namespace]);
    return await this.#rights.get(key, () => this.#source.mayRead(person, namespace));
  }
}
