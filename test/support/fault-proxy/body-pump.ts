import { Buffer } from 'node:buffer';
import { type BodyFault, isBodyFault, isEarly, positionOf, statusObject } from './faults.ts';
import type { LiveRule, RuleSheet } from './rules.ts';

/** Where the pump puts what is left of a body. */
export interface BodySink {
  pass(bytes: Uint8Array): void;
  /** Ends the answer as if it were complete. */
  end(fault: BodyFault | undefined): void;
  reset(fault: BodyFault): void;
  /** No byte from now on; the sink calls `resume` where the stall is to end. */
  stall(fault: BodyFault): void;
  /** Whole lines that came from the server. */
  count(events: number): void;
}

interface Armed {
  readonly live: LiveRule;
  readonly fault: BodyFault;
  events: number;
  bytes: number;
  done: boolean;
}

const NEWLINE = 0x0a;

/**
 * Passes the body of one answer on and injects the faults of its rule sheet. Without a rule bytes
 * pass as they come; with one a watch passes line by line, so that faults fall between events. In
 * other answers the first piece that comes stands for the one event.
 */
export class BodyPump {
  readonly #sheet: RuleSheet;
  readonly #sink: BodySink;
  readonly #lines: boolean;
  readonly #armed = new Map<LiveRule, Armed>();
  /** Read, but not passed yet: a line whose end is still to come, or what a stall holds back. */
  #rest: Buffer = Buffer.alloc(0);
  #midLine = false;
  #stalled = false;
  #finished = false;
  #done = false;

  constructor(sheet: RuleSheet, sink: BodySink, lines: boolean) {
    this.#sheet = sheet;
    this.#sink = sink;
    this.#lines = lines;
  }

  push(chunk: Buffer): void {
    if (this.#done) return;
    if (this.#stalled) {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      return;
    }
    let left = chunk;
    for (;;) {
      const due = this.#nextByteFault(left.length);
      if (due === undefined) break;
      const cut = Math.max(0, bytesOf(due.fault) - due.bytes);
      this.#feed(left.subarray(0, cut));
      left = left.subarray(cut);
      if (this.#done || this.#stalled) break;
      this.#passRest();
      due.done = true;
      if (this.#sheet.take(due.live)) this.#strike(due.fault, undefined);
      if (this.#done || this.#stalled) break;
    }
    if (this.#done) return;
    if (this.#stalled) this.#rest = Buffer.concat([this.#rest, left]);
    else this.#feed(left);
  }

  /** Rules changed: those that are due at once may not wait for the next byte. */
  poke(): void {
    if (!this.#done && !this.#stalled && !this.#midLine) this.#between(undefined);
  }

  /** The stall is over. */
  resume(): void {
    if (this.#done || !this.#stalled) return;
    this.#stalled = false;
    const held = this.#rest;
    this.#rest = Buffer.alloc(0);
    this.push(held);
    if (this.#finished) this.finish();
  }

  /** The server's body is complete. */
  finish(): void {
    this.#finished = true;
    if (this.#done || this.#stalled) return;
    this.#passRest();
    this.#done = true;
    this.#sink.end(undefined);
  }

  /** The body is over for another reason. */
  stop(): void {
    this.#done = true;
  }

  #arm(): readonly Armed[] {
    const armed: Armed[] = [];
    for (const live of this.#sheet.matching()) {
      const { fault } = live.rule;
      if (!isBodyFault(fault) || isEarly(positionOf(fault))) continue;
      let entry = this.#armed.get(live);
      if (entry === undefined) {
        entry = { live, fault, events: 0, bytes: 0, done: false };
        this.#armed.set(live, entry);
      }
      if (!entry.done) armed.push(entry);
    }
    return armed;
  }

  #nextByteFault(length: number): Armed | undefined {
    let first: Armed | undefined;
    for (const entry of this.#arm()) {
      const left = bytesOf(entry.fault) - entry.bytes;
      if (left > length) continue;
      if (first === undefined || left < bytesOf(first.fault) - first.bytes) first = entry;
    }
    return first;
  }

  #feed(chunk: Buffer): void {
    if (chunk.length === 0) return;
    const armed = this.#arm();
    for (const entry of armed) entry.bytes += chunk.length;
    if (this.#lines && armed.length > 0) {
      this.#feedLines(chunk);
      return;
    }
    this.#passRest();
    if (armed.length > 0 && !this.#midLine) {
      const outcome = this.#between({ line: chunk, before: Buffer.alloc(0) });
      if (this.#stalled) this.#hold(chunk);
      if (this.#done || this.#stalled || outcome === 'dropped') return;
    }
    this.#count(countLines(chunk));
    this.#pass(chunk);
  }

  /** Keeps what a stall holds back; it is counted when it comes again. */
  #hold(rest: Buffer): void {
    this.#rest = rest;
    for (const entry of this.#armed.values()) entry.bytes = Math.max(0, entry.bytes - rest.length);
  }

  #feedLines(chunk: Buffer): void {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = Buffer.alloc(0);
    let from = 0;
    let at = 0;
    while (at < data.length) {
      const newline = data.indexOf(NEWLINE, at);
      const end = newline + 1;
      if (newline < 0) {
        if (this.#midLine) at = data.length;
        break;
      }
      if (!this.#midLine) {
        const before = data.subarray(from, at);
        const line = data.subarray(at, end);
        const passed = this.#between({ line, before });
        if (this.#done) return;
        if (this.#stalled) {
          this.#hold(data.subarray(at));
          return;
        }
        if (passed !== 'whole') from = passed === 'dropped' ? end : at;
      }
      this.#midLine = false;
      this.#count(1);
      at = end;
    }
    this.#pass(data.subarray(from, at));
    this.#rest = data.subarray(at);
  }

  /**
   * Faults that are due between two events. `whole`: nothing happened; `cut`: what stood before the
   * line has been passed; `dropped`: and the line shall not pass.
   */
  #between(next: NextLine | undefined): 'whole' | 'cut' | 'dropped' {
    let outcome: 'whole' | 'cut' | 'dropped' = 'whole';
    for (const entry of this.#arm()) {
      if (!this.#due(entry, next) || !this.#sheet.take(entry.live)) continue;
      if (outcome === 'whole' && next !== undefined) this.#pass(next.before);
      if (outcome === 'whole') outcome = 'cut';
      if (isOnce(entry.fault)) entry.done = true;
      this.#strike(entry.fault, next?.line);
      if (this.#done || this.#stalled) return outcome;
      if (entry.fault.kind === 'drop') outcome = 'dropped';
    }
    return outcome;
  }

  #due({ fault, events }: Armed, next: NextLine | undefined): boolean {
    const when = positionOf(fault);
    if (isEarly(when) || 'bytes' in when) return false;
    if (next === undefined) return 'events' in when && events >= when.events && !needsLine(fault);
    if ('events' in when) return events >= when.events;
    if ('chance' in when) return this.#sheet.random() < when.chance;
    return when.before(next.line.toString('utf8'));
  }

  #strike(fault: BodyFault, line: Buffer | undefined): void {
    switch (fault.kind) {
      case 'reset':
        this.#done = true;
        this.#sink.reset(fault);
        return;
      case 'stall':
        if (fault.forMs === undefined) this.#done = true;
        else this.#stalled = true;
        this.#sink.stall(fault);
        return;
      case 'truncate':
        if (line !== undefined) this.#pass(line.subarray(0, Math.ceil(line.length / 2)));
        break;
      case 'error-event':
        this.#pass(textLine(JSON.stringify({ type: 'ERROR', object: statusObject(fault) })));
        break;
      case 'garbage':
        this.#pass(textLine(fault.text ?? '{"type":"MODIFIED","object":<html>'));
        return;
      case 'duplicate':
        for (let copy = 0; line !== undefined && copy < (fault.copies ?? 1); copy += 1)
          this.#pass(line);
        return;
      case 'drop':
        return;
      case 'close':
      case 'goaway':
        break;
    }
    this.#done = true;
    this.#sink.end(fault);
  }

  #count(events: number): void {
    if (events === 0) return;
    for (const entry of this.#armed.values()) entry.events += events;
    this.#sink.count(events);
  }

  #passRest(): void {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    this.#pass(rest);
  }

  #pass(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#midLine = bytes[bytes.length - 1] !== NEWLINE;
    this.#sink.pass(bytes);
  }
}

interface NextLine {
  readonly line: Buffer;
  /** Whole lines that are read, but not passed yet. */
  readonly before: Buffer;
}

function bytesOf(fault: BodyFault): number {
  const when = positionOf(fault);
  return !isEarly(when) && 'bytes' in when ? when.bytes : Number.POSITIVE_INFINITY;
}

function isOnce(fault: BodyFault): boolean {
  const when = positionOf(fault);
  return !isEarly(when) && 'events' in when;
}

function needsLine(fault: BodyFault): boolean {
  return fault.kind === 'truncate' || fault.kind === 'duplicate' || fault.kind === 'drop';
}

function countLines(chunk: Buffer): number {
  let lines = 0;
  for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

function textLine(text: string): Buffer {
  return Buffer.from(`${text}\n`);
}
