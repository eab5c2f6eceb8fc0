import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { clientOf, kubeObject } from '../../../test/support/kube-calls.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { KubeError } from '../base/kube-error.ts';
import { silentLogger } from '../base/logger.ts';
import type { NewObject, Patch } from '../client/resource-client.ts';
import { type EventNote, EventRecorder } from './event-recorder.ts';
import type { KubeEvent } from './event-resource.ts';

type Written = NewObject<KubeEvent>;

/** A recorder whose API server answers as `answers` say, then always well. */
function setup(answers: ('ok' | 'hang' | KubeError)[] = [], capacity = 10) {
  const clock = new ManualClock(Date.parse('2026-01-01T00:00:00Z'));
  const created: Written[] = [];
  const patched: { name: string; body: unknown }[] = [];
  const answer = async (signal: AbortSignal): Promise<KubeEvent> => {
    const next = answers.shift() ?? 'ok';
    if (next instanceof KubeError) throw next;
    if (next === 'hang')
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new KubeError('Aborted', 'aborted')));
      });
    return { ...kubeObject('event') };
  };
  const recorder = new EventRecorder({
    events: clientOf<KubeEvent>({
      create: async (event, call) => {
        created.push(event);
        return answer(call.signal);
      },
      patch: async (key, patch: Patch, call) => {
        patched.push({ name: key.name, body: patch.type === 'merge' ? patch.body : undefined });
        return answer(call.signal);
      },
    }),
    reportingController: 'test.example.com/echo',
    reportingInstance: 'pod-1',
    fieldManager: 'echo',
    clock,
    logger: silentLogger,
    capacity,
  });
  const stop = new AbortController();
  const running = recorder.run(stop.signal);
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    for (let turn = 0; turn < 4; turn += 1) await setImmediate();
  };
  const end = async (): Promise<void> => {
    stop.abort();
    await pass(0);
    await pass(2000);
    await running;
  };
  return { clock, created, patched, recorder, pass, end };
}

const note = (change: Partial<EventNote> = {}): EventNote => ({
  regarding: kubeObject('a'),
  reason: 'ChildCreated',
  action: 'Create',
  note: 'created child 1',
  ...change,
});

describe('an event', () => {
  test('has its place among others in its name, also within one millisecond', async () => {
    const { clock, created, recorder, pass, end } = setup();
    for (const reason of ['First', 'Second', 'Third']) recorder.record(note({ reason }));
    clock.advance(1);
    recorder.record(note({ reason: 'Fourth' }));
    await pass(0);
    await end();
    const byName = created.toSorted((one, other) =>
      one.metadata.name < other.metadata.name ? -1 : 1,
    );
    expect(byName.map(({ reason }) => reason)).toEqual(['First', 'Second', 'Third', 'Fourth']);
  });

  test('is written as events.k8s.io/v1 wants it', async () => {
    const { created, recorder, pass, end } = setup();
    recorder.record(note({ related: kubeObject('child') }));
    await pass(0);
    await end();
    expect(created).toHaveLength(1);
    expect(created[0]).toMatchInlineSnapshot(`
      {
        "action": "Create",
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "metadata": {
          "name": "a.019b76daa800000dlwupqasax",
          "namespace": "ns",
        },
        "note": "created child 1",
        "reason": "ChildCreated",
        "regarding": {
          "apiVersion": "v1",
          "kind": "ConfigMap",
          "name": "a",
          "namespace": "ns",
          "resourceVersion": "7",
          "uid": "uid-a",
        },
        "related": {
          "apiVersion": "v1",
          "kind": "ConfigMap",
          "name": "child",
          "namespace": "ns",
          "resourceVersion": "7",
          "uid": "uid-child",
        },
        "reportingController": "test.example.com/echo",
        "reportingInstance": "pod-1",
        "type": "Normal",
      }
    `);
  });

  test('on a cluster-scoped object goes to default; its note and name keep their limits', async () => {
    const { created, recorder, pass, end } = setup();
    const regarding = kubeObject('x'.repeat(253), { namespace: undefined });
    recorder.record(note({ regarding, note: 'é'.repeat(2000), type: 'Warning' }));
    await pass(0);
    await end();
    const { metadata, note: text, type } = created[0] as Record<string, unknown>;
    expect((metadata as { namespace: string }).namespace).toBe('default');
    expect((metadata as { name: string }).name.length).toBeLessThanOrEqual(253);
    expect(Buffer.byteLength(String(text))).toBeLessThanOrEqual(1024);
    expect(type).toBe('Warning');
  });
});

describe('the same event again', () => {
  test('becomes a series: written at the second time, then every 30 s at most', async () => {
    const { created, patched, recorder, pass, end } = setup();
    recorder.record(note());
    await pass(10);
    recorder.record(note({ note: 'created child 2' }));
    await pass(10);
    for (let index = 0; index < 5; index += 1) recorder.record(note());
    await pass(10);
    expect(created).toHaveLength(1);
    expect(patched.map((each) => each.body)).toEqual([
      { series: { count: 2, lastObservedTime: '2026-01-01T00:00:00.010000Z' } },
    ]);
    await pass(30_000);
    expect(patched[1]?.body).toEqual({
      series: { count: 7, lastObservedTime: '2026-01-01T00:00:00.020000Z' },
    });
    expect(new Set(patched.map((each) => each.name)).size).toBe(1);
    await end();
  });

  test('before the first write is one write with its count', async () => {
    const { created, patched, recorder, pass, end } = setup();
    for (let index = 0; index < 3; index += 1) recorder.record(note());
    await pass(0);
    expect(created[0]?.['series']).toMatchObject({ count: 3 });
    await end();
    expect([created.length, patched.length]).toEqual([1, 0]);
  });

  test('after 6 quiet minutes begins a new series', async () => {
    const { created, patched, recorder, pass, end } = setup();
    recorder.record(note());
    await pass(0);
    await pass(6 * 60_000 + 1);
    recorder.record(note());
    await pass(0);
    await end();
    expect([created.length, patched.length]).toEqual([2, 0]);
  });

  test.each<[string, Partial<EventNote>]>([
    ['another reason', { reason: 'Other' }],
    ['another action', { action: 'Other' }],
    ['another type', { type: 'Warning' }],
    ['another object', { regarding: kubeObject('b') }],
    ['the same name, created anew', { regarding: kubeObject('a', { uid: 'uid-2' }) }],
    ['another related object', { related: kubeObject('child') }],
  ])('is not one with %s', async (_name, change) => {
    const { created, recorder, pass, end } = setup();
    recorder.record(note());
    recorder.record(note(change));
    await pass(0);
    await end();
    expect(created).toHaveLength(2);
    expect(new Set(created.map((each) => (each.metadata as { name: string }).name)).size).toBe(2);
  });

  test('whose event has expired on the server is created again with its count', async () => {
    const { created, recorder, pass, end } = setup(['ok', new KubeError('NotFound', 'expired')]);
    recorder.record(note());
    await pass(10);
    recorder.record(note());
    await pass(10);
    await end();
    expect(created.map((each) => each['series'])).toMatchObject([undefined, { count: 2 }]);
  });
});

describe('trouble', () => {
  const down = new KubeError('ConnectionFailed', 'down', { retryable: true });

  test('is tried again 10 s later, five times in all', async () => {
    const { created, recorder, pass, end } = setup(Array.from({ length: 9 }, () => down));
    recorder.record(note());
    await pass(0);
    for (let attempt = 0; attempt < 8; attempt += 1) await pass(10_000);
    expect([created.length, recorder.dropped]).toEqual([5, 1]);
    await end();
  });

  test('that no try will end drops the event at once', async () => {
    const { created, recorder, pass, end } = setup([new KubeError('Forbidden', 'no')]);
    recorder.record(note());
    await pass(0);
    await pass(10_000);
    expect([created.length, recorder.dropped]).toEqual([1, 1]);
    await end();
  });

  test('of a lost answer is no trouble', async () => {
    const { created, recorder, pass, end } = setup([down, new KubeError('AlreadyExists', 'is')]);
    recorder.record(note());
    await pass(0);
    await pass(10_000);
    expect([created.length, recorder.dropped]).toEqual([2, 0]);
    await end();
  });

  test('of too many events drops new ones, never memory', async () => {
    const { recorder, created, pass, end } = setup([], 3);
    for (let index = 0; index < 5; index += 1)
      recorder.record(note({ regarding: kubeObject(`object-${index}`) }));
    await pass(0);
    expect([created.length, recorder.dropped]).toEqual([3, 2]);
    await pass(7 * 60_000);
    recorder.record(note({ regarding: kubeObject('later') }));
    await pass(0);
    expect(created).toHaveLength(4);
    await end();
  });
});

describe('the end', () => {
  test('writes what is left, counts included', async () => {
    const { created, patched, recorder, pass, end } = setup();
    recorder.record(note());
    await pass(0);
    recorder.record(note());
    await pass(0);
    recorder.record(note());
    recorder.record(note({ reason: 'Other' }));
    await end();
    expect(created).toHaveLength(2);
    expect(patched.at(-1)?.body).toMatchObject({ series: { count: 3 } });
  });

  test('waits at most 2 s for a server that does not answer', async () => {
    const { recorder, pass, end } = setup(['hang', 'hang', 'hang']);
    recorder.record(note());
    await pass(0);
    recorder.record(note({ reason: 'Other' }));
    await end();
    expect(recorder.dropped).toBe(2);
  });
});
