import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { clusterEnvironment } from '../../cluster/cluster-environment.ts';
import { enterNetwork } from '../../cluster/node/namespaces.ts';
import type { NodeLayer } from '../../cluster/node/node-layer.ts';
import { runTool } from '../../cluster/node/run-tool.ts';

export interface FarAddress {
  readonly host: string;
  readonly port: number;
}

/** Takes every connection and says that it listens; ends with its standard input. */
const LISTENER = `
import json, socket, sys, threading
def serve(door):
    while True: door.accept()[0].close()
for host, port in json.loads(sys.argv[1]):
    door = socket.create_server((host, port))
    threading.Thread(target=serve, args=(door,), daemon=True).start()
print("listening", flush=True)
sys.stdin.read()
`;

/**
 * Addresses far from the cluster that answer all the same: its own network namespace has them, and its
 * nodes look for them there, so no packet leaves for the real ones. Without them a closed door says
 * nothing, since behind it would be nobody.
 */
export async function farAddresses(
  layer: NodeLayer,
  addresses: readonly FarAddress[],
): Promise<AsyncDisposable> {
  const stack = new AsyncDisposableStack();
  const { networkPid, nodes } = layer.state;
  const { signal } = new AbortController();
  const ip = async (pid: number, args: string): Promise<void> => {
    const { env } = clusterEnvironment();
    await runTool([...enterNetwork(pid), 'ip', ...args.split(' ')], { env, signal });
  };
  try {
    for (const { host } of addresses) {
      await ip(networkPid, `address add ${host}/32 dev lo`);
      stack.defer(() => ip(networkPid, `address delete ${host}/32 dev lo`));
      for (const { pid } of nodes) {
        await ip(pid, `route add ${host}/32 dev eth0`);
        stack.defer(() => ip(pid, `route delete ${host}/32 dev eth0`));
      }
    }
    stack.use(await listen(networkPid, addresses));
    return stack;
  } catch (cause) {
    await stack.disposeAsync();
    throw cause;
  }
}

async function listen(pid: number, addresses: readonly FarAddress[]): Promise<AsyncDisposable> {
  const doors = JSON.stringify(addresses.map(({ host, port }) => [host, port]));
  const [program, ...rest] = [...enterNetwork(pid), 'python3', '-I', '-c', LISTENER, doors];
  const child = spawn(program ?? '', rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const ready = await Promise.race([once(child.stdout, 'data'), ended.then(() => undefined)]);
  if (ready === undefined) throw new Error('the far addresses have no listener');
  return {
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
