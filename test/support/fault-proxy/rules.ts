import { type Fault, faultName } from './faults.ts';
import type { ProxiedRequest, RequestMatch } from './proxied-request.ts';

/** A number in [0, 1), as `Math.random` gives. */
export type Random = () => number;

export interface FaultRule {
  readonly match: RequestMatch;
  readonly fault: Fault;
  /** Injections at most; default without limit. */
  readonly times?: number;
  /** Of each matching request to be affected at all; default 1. */
  readonly probability?: number;
}

/** A rule in force; disposing it takes it out. */
export interface RuleHandle extends Disposable {
  readonly rule: FaultRule;
  /** How often its fault was injected. */
  readonly injected: number;
}

/** The rules in force and what they did. Pure: randomness is passed in. */
export class RuleBook {
  readonly #random: Random;
  readonly #rules = new Set<LiveRule>();
  readonly #injected = new Map<string, number>();
  readonly #watchers = new Set<() => void>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Rules are asked in the order in which they were added. */
  add(rule: FaultRule): RuleHandle {
    const live = new LiveRule(rule, () => this.#rules.delete(live));
    this.#rules.add(live);
    for (const tell of this.#watchers) tell();
    return live;
  }

  clear(): void {
    this.#rules.clear();
  }

  /** Rules that hold for this request, asked anew as they change. */
  sheet(request: ProxiedRequest): RuleSheet {
    return new RuleSheet(request, this.#rules, this.#random, (live) => this.#take(live));
  }

  /** Calls `tell` whenever a rule is added, until the returned function is called. */
  watch(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  /** Injections by `faultName`. */
  get injected(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#injected);
  }

  #take(live: LiveRule): boolean {
    if (!this.#rules.has(live) || !live.take()) return false;
    const name = faultName(live.rule.fault);
    this.#injected.set(name, (this.#injected.get(name) ?? 0) + 1);
    return true;
  }
}

/** The rules as one request meets them: the probability of each is drawn once. */
export class RuleSheet {
  readonly #request: ProxiedRequest;
  readonly #rules: ReadonlySet<LiveRule>;
  readonly #take: (live: LiveRule) => boolean;
  readonly #drawn = new Map<LiveRule, boolean>();
  readonly random: Random;

  constructor(
    request: ProxiedRequest,
    rules: ReadonlySet<LiveRule>,
    random: Random,
    take: (live: LiveRule) => boolean,
  ) {
    this.#request = request;
    this.#rules = rules;
    this.random = random;
    this.#take = take;
  }

  *matching(): Generator<LiveRule> {
    for (const live of this.#rules) {
      if (live.spent) continue;
      const known = this.#drawn.get(live);
      const holds = known ?? this.#draw(live.rule);
      if (known === undefined) this.#drawn.set(live, holds);
      if (holds) yield live;
    }
  }

  /** Counts one injection; false where the rule is used up or gone: then nothing may happen. */
  take(live: LiveRule): boolean {
    return this.#take(live);
  }

  #draw(rule: FaultRule): boolean {
    if (!rule.match(this.#request)) return false;
    return rule.probability === undefined || this.random() < rule.probability;
  }
}

export class LiveRule implements RuleHandle {
  readonly rule: FaultRule;
  readonly #remove: () => void;
  #injected = 0;

  constructor(rule: FaultRule, remove: () => void) {
    this.rule = rule;
    this.#remove = remove;
  }

  get injected(): number {
    return this.#injected;
  }

  get spent(): boolean {
    return this.rule.times !== undefined && this.#injected >= this.rule.times;
  }

  take(): boolean {
    if (this.spent) return false;
    this.#injected += 1;
    return true;
  }

  [Symbol.dispose](): void {
    this.#remove();
  }
}

/** Mulberry32: the same seed gives the same faults. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
