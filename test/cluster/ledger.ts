import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../src/base/brand.ts';

/**
 * What a cluster made outside of its own folder. Everything stands here before it exists (processes
 * at once after), so that whoever finds the folder of a killed cluster can undo it.
 */
const zLedgerEntry = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('process'),
    name: z.string(),
    pid: z.number().int().positive(),
    startTicks: z.number(),
  }),
  /**
   * A command that takes something away, for example `ip link delete NAME`. What counts is not its
   * exit code but that `left`, which is there as long as the thing is (`/sys/class/net/NAME`), is gone.
   */
  z.object({ kind: z.literal('undo'), argv: z.array(z.string()).min(1), left: z.string() }),
  /** A cgroup v1 or v2 folder: what runs in it is killed, then it is removed, depth first. */
  z.object({ kind: z.literal('cgroup'), path: z.string() }),
  /** A mount point of the host's own mount namespace, and everything mounted below it. */
  z.object({ kind: z.literal('mount'), path: z.string() }),
  /** A folder outside of the state folder. */
  z.object({ kind: z.literal('folder'), path: z.string() }),
]);

export type LedgerEntry = Readonly<z.infer<typeof zLedgerEntry>>;

const FILE = 'ledger.jsonl';

/** Append-only list in the state folder of one cluster. */
export class Ledger {
  readonly #path: string;

  constructor(stateFolder: string) {
    this.#path = join(stateFolder, FILE);
  }

  /** On disk when this returns: call it before the thing is made. */
  record(entry: LedgerEntry): void {
    appendFileSync(this.#path, `${JSON.stringify(entry)}\n`);
  }

  /** All entries, oldest first. A line that a killed process left half written is dropped. */
  entries(): readonly LedgerEntry[] {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch {
      return [];
    }
    return text.split('\n').flatMap((line) => {
      const entry = readEntry(line);
      return entry === undefined ? [] : [entry];
    });
  }
}

function readEntry(line: string): LedgerEntry | undefined {
  try {
    return zLedgerEntry.parse(parseJson(line));
  } catch {
    return undefined;
  }
}
