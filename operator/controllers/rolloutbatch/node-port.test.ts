import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { KubeError } from '../../kube/base/kube-error.ts';
import type { Transport } from '../../kube/client/transport.ts';
import { createKubeClient } from '../../kube/client/typed-client.ts';
import { answeringNodePort, reachTcp } from './node-port.ts';

const call = { signal: new AbortController().signal };
const open = { namespace: 'clawgym', podLabels: { app: 'server', part: 'clawgym' } };

interface Port {
  readonly port: number;
  readonly nodePort?: number;
  readonly protocol?: string;
}

const service = (name: string, clusterIP: string, ports: readonly Port[], more: object = {}) => ({
  metadata: { name, namespace: 'clawgym' },
  spec: { clusterIP, ports, selector: { app: name }, ...more },
});

function client(items: readonly object[] | KubeError, asked: string[] = []) {
  const transport: Transport = {
    request: async ({ path }) => {
      asked.push(path);
      if (items instanceof KubeError) throw items;
      return { metadata: { resourceVersion: '1' }, items };
    },
    stream: async () => Promise.reject(new Error('no stream')),
    [Symbol.asyncDispose]: async () => undefined,
  };
  return createKubeClient({ transport });
}

async function find(items: readonly object[] | KubeError, answering: readonly string[]) {
  const tried: string[] = [];
  const reach = async (host: string, port: number): Promise<boolean> => {
    tried.push(`${host}:${port}`);
    return answering.includes(`${host}:${port}`);
  };
  const found = await answeringNodePort(client(items), 'runs', { open, reach }, call);
  return { found, tried };
}

describe('a NodePort that a probe may try', () => {
  test('is the first that answers, of TCP ports that nodes open', async () => {
    const items = [
      service('plain', '10.0.0.1', [{ port: 80 }]),
      service('headless', 'None', [{ port: 80, nodePort: 30_001 }]),
      service('names', '10.0.0.2', [{ port: 53, nodePort: 30_002, protocol: 'UDP' }]),
      service('silent', '10.0.0.3', [{ port: 80, nodePort: 30_003 }]),
      service('web', '10.0.0.4', [{ port: 443 }, { port: 80, nodePort: 30_004 }]),
    ];
    expect(await find(items, ['10.0.0.4:80'])).toEqual({
      found: 30_004,
      tried: ['10.0.0.3:80', '10.0.0.4:80'],
    });
  });

  test('is never one of the server, which sandboxes may reach', async () => {
    const ports = [{ port: 8443, nodePort: 30_005 }];
    const items = [
      service('server', '10.0.0.5', ports),
      service('wide', '10.0.0.6', ports, { selector: { part: 'clawgym' } }),
      service('bare', '10.0.0.7', ports, { selector: undefined }),
    ];
    expect(await find(items, ['10.0.0.5:8443', '10.0.0.6:8443', '10.0.0.7:8443'])).toEqual({
      found: 30_005,
      tried: ['10.0.0.7:8443'],
    });
  });

  test('is not looked for without end, nor where nobody lets us', async () => {
    const items = Array.from({ length: 20 }, (_, index) =>
      service(`s${index}`, `10.0.1.${index}`, [{ port: 80, nodePort: 30_100 + index }]),
    );
    const { found, tried } = await find(items, []);
    expect([found, tried.length]).toEqual([undefined, 5]);
    const refused = new KubeError('Forbidden', 'services is forbidden', { httpStatus: 403 });
    expect(await find(refused, [])).toEqual({ found: undefined, tried: [] });
  });

  test('is looked for in one namespace or in all', async () => {
    const asked: string[] = [];
    const look = { open, reach: async () => false };
    await answeringNodePort(client([], asked), 'runs', look, call);
    await answeringNodePort(client([], asked), undefined, look, call);
    expect(asked).toEqual(['/api/v1/namespaces/runs/services', '/api/v1/services']);
  });
});

test('a port answers where something listens', async () => {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  expect(await reachTcp('127.0.0.1', port, call.signal)).toBe(true);
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  expect(await reachTcp('127.0.0.1', port, call.signal)).toBe(false);
  expect(await reachTcp('127.0.0.1', port, AbortSignal.abort())).toBe(false);
});
