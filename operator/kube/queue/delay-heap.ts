/** A key and the monotonic moment, in milliseconds, from which it may run. */
export interface DelayedKey {
  readonly key: string;
  readonly readyAt: number;
}

interface Entry extends DelayedKey {
  /** Number of the add, so that keys of one moment come in the order of their adds. */
  readonly order: number;
}

/**
 * Keys by the moment they become ready, each at most once: adding a key again only ever moves it
 * earlier, as client-go's delaying queue does. Add and take are O(log n).
 */
export class DelayHeap {
  readonly #entries: Entry[] = [];
  readonly #places = new Map<string, number>();
  #adds = 0;

  get size(): number {
    return this.#entries.length;
  }

  /** The earliest entry. */
  peek(): DelayedKey | undefined {
    return this.#entries[0];
  }

  add(key: string, readyAt: number): void {
    this.#adds += 1;
    const entry = { key, readyAt, order: this.#adds };
    const place = this.#places.get(key);
    if (place === undefined) {
      this.#entries.push(entry);
      this.#rise(entry, this.#entries.length - 1);
      return;
    }
    const known = this.#entries[place];
    if (known !== undefined && known.readyAt <= readyAt) return;
    this.#rise(entry, place);
  }

  /** Removes and gives the earliest key if it is ready at `now`. */
  takeReady(now: number): string | undefined {
    const first = this.#entries[0];
    if (first === undefined || first.readyAt > now) return undefined;
    this.#places.delete(first.key);
    const last = this.#entries.pop();
    if (last !== undefined && this.#entries.length > 0) this.#sink(last);
    return first.key;
  }

  clear(): void {
    this.#entries.length = 0;
    this.#places.clear();
  }

  #put(entry: Entry, place: number): void {
    this.#entries[place] = entry;
    this.#places.set(entry.key, place);
  }

  #rise(entry: Entry, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#entries[above];
      if (parent === undefined || !before(entry, parent)) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(entry, place);
  }

  /** Finds the place of `entry` from the root down, where a hole is. */
  #sink(entry: Entry): void {
    let place = 0;
    for (;;) {
      const child = this.#smallerChild(place);
      const below = this.#entries[child];
      if (below === undefined || !before(below, entry)) break;
      this.#put(below, place);
      place = child;
    }
    this.#put(entry, place);
  }

  #smallerChild(place: number): number {
    const left = this.#entries[2 * place + 1];
    const right = this.#entries[2 * place + 2];
    return right !== undefined && left !== undefined && before(right, left)
      ? 2 * place + 2
      : 2 * place + 1;
  }
}

function before(one: Entry, other: Entry): boolean {
  return one.readyAt === other.readyAt ? one.order < other.order : one.readyAt < other.readyAt;
}
