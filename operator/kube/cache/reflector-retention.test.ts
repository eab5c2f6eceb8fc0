import { getEventListeners } from 'node:events';
import { queryObjects } from 'node:v8';
import { describe, expect, it, onTestFinished } from 'vitest';
import { configMap } from '../../../test/support/config-maps.ts';
import { answer, type Script, statusBody } from '../../../test/support/scripted-api-server.ts';
import { transportTo } from '../../../test/support/transport-fixture.ts';
import { systemClock } from '../base/clock.ts';
import { createKubeClient } from '../client/typed-client.ts';
import { zKubeObject } from '../objects/kube-object.ts';
import { defineResource } from '../objects/resource.ts';
import { createCache } from './informer-cache.ts';

const configMaps = defineResource({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  schema: zKubeObject,
});
const EVENT = `${JSON.stringify({ type: 'MODIFIED', object: configMap('a', '2') })}\n`;

/** The connections first, so that they are closed when the others have come. */
const BREAKS: readonly Script[] = [
  (request) => request.session.destroy(),
  (request, stream) => {
    answer(stream, 200, EVENT);
    request.session.close();
  },
  (_request, stream) => answer(stream, 200, EVENT),
  (_request, stream) => answer(stream, 200, `${EVENT}{"type":"MOD`),
  (_request, stream) => answer(stream, 200, 'no JSON\n'),
  (_request, stream) => answer(stream, 500, statusBody(500, 'InternalError')),
  (_request, stream) => answer(stream, 410, statusBody(410, 'Expired')),
];
/** Faults of each kind in one round. */
const [EACH, ROUNDS] = [10, 4];

describe('a reflector', () => {
  // A listener, timer, connection or error that stays behind is an object or more for each fault of
  // its kind. Counted are objects, not bytes: V8 compiles more code the longer a program runs. It looks at
  // every object of the process, which takes long where many other tests ran in it.
  it('keeps nothing of a watch that broke', { timeout: 90_000 }, async () => {
    const server = new BrokenWatches();
    const { server: scripted, transport } = await transportTo(server.script);
    const cache = createCache({
      client: createKubeClient({ transport }).for(configMaps),
      clock: systemClock,
      random: () => 0.5,
      numbers: { backoff: { initialMs: 0, maxMs: 0, factor: 1, jitter: 0, resetAfterMs: 1_000 } },
    });
    const end = new AbortController();
    const running = cache.run(end.signal);
    onTestFinished(async () => {
      end.abort();
      await running;
    });

    const counts: number[] = [];
    const listeners = new Set<number>();
    for (let round = 1; round <= ROUNDS; round += 1) {
      const faults = round * EACH * BREAKS.length;
      server.holdAt(faults);
      await scripted.until(() => server.held && server.faults >= faults);
      scripted.requests.length = 0;
      counts.push(queryObjects(Object, { format: 'count' }));
      listeners.add(getEventListeners(end.signal, 'abort').length);
    }

    expect(listeners).toHaveProperty('size', 1);
    // What is made once, or is not closed yet, is in one round and not in all.
    const growth = counts.slice(1).map((count, at) => count - (counts[at] ?? 0));
    expect(Math.min(...growth), `objects: ${counts.join(', ')}`).toBeLessThan(EACH);
  });
});

/** Breaks each watch in another way until so many are broken; the next one then stays open. */
class BrokenWatches {
  faults = 0;
  held = false;
  #limit = 0;
  #goOn: (() => void) | undefined;

  holdAt(faults: number): void {
    this.#limit = faults;
    this.held = false;
    this.#goOn?.();
  }

  readonly script: Script = (request, stream) => {
    if (!request.path.includes('watch=true'))
      return answer(stream, 200, {
        kind: 'ConfigMapList',
        apiVersion: 'v1',
        metadata: { resourceVersion: '1' },
        items: [configMap('a', '1')],
      });
    const kind = this.faults % BREAKS.length;
    const go = () => {
      this.faults += 1;
      BREAKS[kind]?.(request, stream, this.faults);
    };
    if (this.faults < this.#limit) return go();
    this.held = true;
    this.#goOn = go;
  };
}
