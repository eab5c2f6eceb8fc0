import { type FSWatcher, mkdirSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../../src/base/brand.ts';
import type { GivenAddress } from './select.ts';

/** What libcni keeps of each interface that it made, until it is removed. */
const zResult = z.looseObject({
  ifName: z.string(),
  cniArgs: z.array(z.tuple([z.string(), z.string()])),
  result: z.looseObject({ ips: z.array(z.looseObject({ address: z.string() })) }),
});

/**
 * Addresses of a node's pods from the notes of libcni, which are there before the first container
 * of a pod starts. The pod's status has them only after the kubelet's next look around.
 */
export class GivenAddresses implements Disposable {
  readonly #folder: string;
  readonly #watcher: FSWatcher;

  /** `changed` is called after each change of the notes, also of half-written ones. */
  constructor(folder: string, changed: () => void) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    this.#watcher = watch(folder, changed);
    // A folder that goes with its node is no news for anybody.
    this.#watcher.on('error', () => undefined);
  }

  list(): GivenAddress[] {
    return listFolder(this.#folder).flatMap((name) => readNote(join(this.#folder, name)));
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
  }
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Nothing for a note that is half written or gone: another change follows. */
function readNote(path: string): GivenAddress[] {
  try {
    const { ifName, cniArgs, result } = zResult.parse(parseJson(readFileSync(path, 'utf8')));
    const podUid = new Map(cniArgs).get('K8S_POD_UID');
    if (podUid === undefined || ifName === 'lo') return [];
    return result.ips
      .map(({ address }) => address.split('/')[0] ?? '')
      .filter((address) => address !== '' && !address.includes(':'))
      .map((address) => ({ podUid, address }));
  } catch {
    return [];
  }
}
