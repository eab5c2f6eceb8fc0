import { cp, link, mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fastClock } from '../../../test/support/pod-role.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { ClawError } from '../../base/error.ts';
import { silentLogger } from '../../base/logger.ts';
import type { ImportClaim, Imported } from '../../protocol/import-api.ts';
import type { NoClaim } from '../../protocol/sandbox-api.ts';
import { openTaskSet } from '../../tasks/set/open-task-set.ts';
import { importSource } from './import-source.ts';
import { onVolume, sourcePlace } from './source-place.ts';

const EXAMPLES = join(import.meta.dirname, '../../../examples/tasks');
const NEVER = new AbortController().signal;

let dir: Awaited<ReturnType<typeof tempDir>>;
let volume: string;
let state: string;
beforeEach(async () => {
  dir = await tempDir();
  [volume, state] = [join(dir.path, 'volume'), join(dir.path, 'state')];
  await mkdir(volume);
  await mkdir(state);
});
afterEach(async () => {
  await dir[Symbol.asyncDispose]();
});

interface Server {
  readonly answers?: (ImportClaim | NoClaim)[];
  readonly taken?: { readonly file: string; readonly ids: readonly string[] }[];
}

async function run(path: string, { answers = [{ maxBytes: 1e6 }], taken = [] }: Server = {}) {
  const context = {
    ...{ source: volume, path, state, clock: fastClock, logger: silentLogger },
    client: {
      claim: async () => answers.shift() ?? { maxBytes: 1e6 },
      put: async (file: string, size: number): Promise<Imported> => {
        const set = await openTaskSet(file, NEVER);
        await set.close();
        const { digest, tasks } = set;
        expect(size).toBeGreaterThan(0);
        taken.push({ file, ids: tasks.map(({ task }) => task.id) });
        return { digest, tasks: tasks.length };
      },
    },
  };
  return await importSource(context, NEVER);
}

const refusal = async (path: string, server: Server = {}): Promise<string> =>
  await run(path, server).then(
    () => 'taken',
    (thrown: unknown) => (thrown instanceof ClawError ? `${thrown.code}: ${thrown.message}` : ''),
  );

describe('tasks on a volume', () => {
  it('are packed from a folder, and a packed set is handed in as it is', async () => {
    await cp(join(EXAMPLES, 'log-triage'), join(volume, 'suite/log-triage'), { recursive: true });
    await cp(join(EXAMPLES, 'meeting-slot'), join(volume, 'suite/meeting-slot'), {
      recursive: true,
    });
    const taken: { file: string; ids: readonly string[] }[] = [];
    const first = await run('suite', { taken });
    expect(first.tasks).toBe(2);
    expect(taken).toEqual([
      { file: join(state, 'tasks.tar'), ids: ['log-triage', 'meeting-slot'] },
    ]);
    await cp(join(state, 'tasks.tar'), join(volume, 'set.tar'));
    expect(await run('/set.tar', { taken })).toEqual(first);
    expect(taken[1]?.file).toBe(join(volume, 'set.tar'));
  });

  it('are read once the server knows the pod, and not read where it never does', async () => {
    await cp(join(EXAMPLES, 'log-triage'), join(volume, 'a'), { recursive: true });
    const wait: NoClaim = { decision: 'wait', reason: 'not told', retryAfterSeconds: 1 };
    expect((await run('a', { answers: [wait, wait] })).tasks).toBe(1);
    const long = { ...wait, retryAfterSeconds: 400 };
    expect(await refusal('a', { answers: [long] })).toBe('Timeout: not told');
  });

  it('are refused with what a person can do', async () => {
    await mkdir(join(volume, 'empty'));
    await mkdir(join(volume, 'broken/one'), { recursive: true });
    await writeFile(join(volume, 'broken/one/data_entry.json'), '{}');
    await cp(join(EXAMPLES, 'log-triage'), join(volume, 'broken/two'), { recursive: true });
    await cp(join(EXAMPLES, 'log-triage'), join(volume, 'good'), { recursive: true });
    await writeFile(join(volume, 'note.txt'), 'no task');
    await writeFile(join(volume, 'large.jsonl'), '{');
    await truncate(join(volume, 'large.jsonl'), 2 ** 27);
    const small = { answers: [{ maxBytes: 100 }] };
    expect(await refusal('absent/x')).toBe('NotFound: the volume has no such file or folder');
    expect(await refusal('note.txt/x')).toMatch(/^NotFound: /);
    expect(await refusal('empty')).toMatch(/^InvalidInput: .*looked for a task set/s);
    expect(await refusal('note.txt')).toMatch(/^InvalidInput: .*looked for a task set/s);
    expect(await refusal('broken')).toMatch(/^InvalidTask: tasks cannot be imported: .*one/s);
    expect(await refusal('good', small)).toMatch(
      /^TooLarge: .*at most 100 are taken from a volume/,
    );
    expect(await refusal('large.jsonl')).toMatch(/^(TooLarge|InvalidTask|InvalidInput): /);
  });

  it('bring nothing of the pod along', async () => {
    const secret = join(dir.path, 'token');
    await writeFile(secret, 'of the pod');
    await symlink(secret, join(volume, 'out'));
    await symlink(dir.path, join(volume, 'up'));
    await symlink('good', join(volume, 'within'));
    await cp(join(EXAMPLES, 'log-triage'), join(volume, 'good'), { recursive: true });
    for (const name of ['linked', 'named']) {
      await cp(join(EXAMPLES, 'log-triage'), join(volume, name), { recursive: true });
    }
    await symlink(secret, join(volume, 'linked/input_files/x'));
    await link(secret, join(volume, 'named/input_files/x'));
    expect(await refusal('out')).toMatch(/^UnsafePath: .*leads out of the volume/);
    expect(await refusal('up/token')).toMatch(/^UnsafePath: /);
    expect(await refusal('../token')).toMatch(/^NotFound: /);
    expect(await refusal('linked')).toMatch(/^InvalidTask: .*symbolic link/);
    expect(await refusal('named')).toMatch(/^InvalidTask: .*hard-linked/);
    expect((await run('within')).tasks).toBe(1);
  });
});

it('places are told as they are on the volume', async () => {
  expect(await sourcePlace(volume, '.')).toBe(volume);
  expect(onVolume('/clawgym/source', '/clawgym/source/a/b: bad; /clawgym/source: x')).toBe(
    'a/b: bad; the volume: x',
  );
});
