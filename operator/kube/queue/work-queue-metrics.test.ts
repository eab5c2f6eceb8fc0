import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { WorkQueue } from './work-queue.ts';
import { WorkQueueMetrics } from './work-queue-metrics.ts';

test("scrapes as client-go's names and labels", async () => {
  const registry = new Registry();
  const metrics = new WorkQueueMetrics(registry);
  const clock = new ManualClock();
  const queue = new WorkQueue({ clock, observer: metrics.observer('echo') });
  metrics.measure('echo', queue);
  const { signal } = new AbortController();
  for (const key of ['a', 'b', 'c']) queue.add(key);
  clock.advance(2000);
  queue.done((await queue.get(signal)) ?? '');
  await queue.get(signal);
  queue.addAfter('d', 60_000);
  clock.advance(4000);
  const text = await registry.metrics();
  queue.shutDown();
  const lines = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket'));
  expect(lines).toMatchInlineSnapshot(`
    [
      "workqueue_adds_total{name="echo"} 3",
      "workqueue_retries_total{name="echo"} 1",
      "workqueue_queue_duration_seconds_sum{name="echo"} 4",
      "workqueue_queue_duration_seconds_count{name="echo"} 2",
      "workqueue_work_duration_seconds_sum{name="echo"} 0",
      "workqueue_work_duration_seconds_count{name="echo"} 1",
      "workqueue_depth{name="echo"} 1",
      "workqueue_unfinished_work_seconds{name="echo"} 4",
      "workqueue_longest_running_processor_seconds{name="echo"} 4",
    ]
  `);
});

test('two queues of one registry do not meet', async () => {
  const registry = new Registry();
  const metrics = new WorkQueueMetrics(registry);
  for (const [name, keys] of [
    ['one', ['a']],
    ['two', ['a', 'b']],
  ] as const) {
    const queue = new WorkQueue({ clock: new ManualClock(), observer: metrics.observer(name) });
    metrics.measure(name, queue);
    for (const key of keys) queue.add(key);
  }
  const text = await registry.metrics();
  expect(text).toContain('workqueue_depth{name="one"} 1');
  expect(text).toContain('workqueue_depth{name="two"} 2');
});
