import { describe, expect, test, vi } from 'vitest';
import { clientOf, kubeObject } from '../../../test/support/kube-calls.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { KubeError } from '../base/kube-error.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { StatusWriter } from './status-writer.ts';

const { signal } = new AbortController();
const withStatus = (status: unknown, name = 'a') => kubeObject(name, {}, { status });
const note = { regarding: kubeObject('a'), reason: 'Ready', action: 'Check', note: 'ready' };

function setup(applyStatus = vi.fn(async (): Promise<KubeObject> => withStatus({ ready: 2 }))) {
  const clock = new ManualClock();
  const recorder = { record: vi.fn() };
  const written = { record: vi.fn() };
  const client = clientOf({ applyStatus });
  const writer = new StatusWriter({ client, fieldManager: 'f', clock, recorder, written });
  return { applyStatus, clock, recorder, written, writer };
}

describe('a status', () => {
  test('is written with force and locked to the version, then told', async () => {
    const { applyStatus, recorder, written, writer } = setup();
    const result = await writer.write(withStatus({ ready: 1 }), { ready: 2 }, signal, [note]);
    expect(result.kind).toBe('written');
    expect(applyStatus).toHaveBeenCalledExactlyOnceWith(
      { metadata: { name: 'a', namespace: 'ns', resourceVersion: '7' }, status: { ready: 2 } },
      { signal, fieldManager: 'f', force: true },
    );
    expect(recorder.record.mock.calls).toEqual([[note]]);
    expect(written.record).toHaveBeenCalledOnce();
  });

  test.each([
    [
      { ready: 1, conditions: [] },
      { conditions: [], ready: 1 },
    ],
    [{ ready: 1 }, { ready: 1, message: undefined }],
  ])('that means the same is not written: %j', async (observed, wanted) => {
    const { applyStatus, recorder, writer } = setup();
    const result = await writer.write(withStatus(observed), wanted, signal, [note]);
    expect(result).toEqual({ kind: 'unchanged' });
    expect(applyStatus).not.toHaveBeenCalled();
    expect(recorder.record).not.toHaveBeenCalled();
  });

  test('that lost a field is written', async () => {
    const { writer } = setup();
    const result = await writer.write(withStatus({ ready: 1, old: 1 }), { ready: 1 }, signal);
    expect(result.kind).toBe('written');
  });

  test('that could not be written tells no events and does not count', async () => {
    const { recorder, writer } = setup(
      vi.fn(async () => Promise.reject(new KubeError('Conflict', 'no'))),
    );
    for (let attempt = 0; attempt < 2; attempt += 1)
      await expect(writer.write(withStatus({}), { ready: 1 }, signal, [note])).rejects.toThrow();
    expect(recorder.record).not.toHaveBeenCalled();
  });

  test('is written about once a second for each object', async () => {
    const { clock, writer } = setup();
    const write = async (name: string) => writer.write(withStatus({}, name), { n: 1 }, signal);
    expect((await write('a')).kind).toBe('written');
    clock.advance(400);
    expect(await write('a')).toEqual({ kind: 'postponed', waitMs: 600 });
    expect((await write('b')).kind).toBe('written');
    clock.advance(600);
    expect((await write('a')).kind).toBe('written');
    clock.advance(999);
    expect((await write('b')).kind).toBe('written');
    expect(await write('a')).toEqual({ kind: 'postponed', waitMs: 1 });
  });
});
