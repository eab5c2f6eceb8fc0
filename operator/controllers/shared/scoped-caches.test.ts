import { expect, it } from 'vitest';
import { keepingLogger } from '../../../test/support/keeping-logger.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { settle } from '../../../test/support/scripted-cache.ts';
import { ScriptedClient } from '../../../test/support/scripted-client.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { clawTasks } from './kinds.ts';
import { ScopedCaches } from './scoped-caches.ts';

it('names the namespace that cannot be listed once, with the next step', async () => {
  const logged: string[] = [];
  const clock = new ManualClock();
  const scripted = new ScriptedClient();
  scripted.lists.push([new KubeError('Forbidden', 'you may not list')]);
  const client = { for: () => scripted } as unknown as KubeClient;
  const logger = keepingLogger(logged);
  const caches = new ScopedCaches(client, ['b'], { clock, random: () => 0.5, logger });
  caches.of(clawTasks);
  const end = new AbortController();
  const running = caches.services.map(async (service) => service.run(end.signal));
  await settle();
  clock.advance(60_000);
  await settle();
  expect(scripted.listCalls.length).toBeGreaterThan(1);
  expect(logged.filter((line) => /namespace b .*Role.*`namespaces`/.test(line))).toHaveLength(1);
  end.abort(new Error('over'));
  await Promise.all(running);
});
