import { execFileSync } from 'node:child_process';
import { FILTER_SETTINGS } from '../../cluster/network-policy/filter-settings.ts';
import { Peer } from './peer.ts';

/**
 * Two nodes and their pods as network namespaces, joined as the test cluster joins them: pods on a
 * bridge `cni0`, nodes on a link. No container and no API server.
 *
 * node-1 198.51.100.1: pods a 10.244.0.5 and b 10.244.0.6; node-2 198.51.100.2: pod c 10.244.1.5.
 * The Service 10.96.0.9:81 is b's port 80, 10.96.0.8:81 is c's.
 */
export class PacketBed implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly nodes: readonly [Peer, Peer];
  readonly a: Peer;
  readonly b: Peer;
  readonly c: Peer;

  private constructor(stack: AsyncDisposableStack, peers: readonly [Peer, Peer, Peer, Peer, Peer]) {
    const [one, two, a, b, c] = peers;
    this.#stack = stack;
    this.nodes = [one, two];
    this.a = a;
    this.b = b;
    this.c = c;
  }

  static async start(): Promise<PacketBed> {
    await using stack = new AsyncDisposableStack();
    const start = async () => stack.use(await Peer.start());
    const peers = await Promise.all([start(), start(), start(), start(), start()]);
    const [one, two, a, b, c] = peers;
    inside(one, `ip link add eth0 type veth peer name eth0 netns ${two.pid}`);
    node(one, 0, [a, b]);
    node(two, 1, [c]);
    return new PacketBed(stack.move(), peers);
  }

  /** Loads a ruleset into the namespace of a node. */
  load(index: 0 | 1, ruleset: string): void {
    execFileSync('nsenter', [...enter(this.nodes[index]), 'nft', '-f', '-'], {
      input: ruleset,
      timeout: 10_000,
    });
  }

  /** The IPv6 address that the kernel gave to a pod by itself, with the interface to use; if any. */
  linkLocal(peer: Peer): string | undefined {
    const shown = inside(peer, 'ip -6 -oneline address show dev eth0 scope link');
    const found = /inet6 (fe80:[0-9a-f:]+)\//.exec(shown)?.[1];
    return found === undefined ? undefined : `${found}%eth0`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function node(self: Peer, index: 0 | 1, pods: readonly Peer[]): void {
  const other = 1 - index;
  inside(
    self,
    'ip link set lo up',
    'ip link set eth0 up',
    `ip address add 198.51.100.${index + 1}/24 dev eth0`,
    'ip link add cni0 type bridge',
    `ip address add 10.244.${index}.1/24 dev cni0`,
    'ip link set cni0 up',
    `ip route add 10.244.${other}.0/24 via 198.51.100.${other + 1}`,
    'echo 1 > /proc/sys/net/ipv4/ip_forward',
    ...FILTER_SETTINGS,
  );
  for (const [at, pod] of pods.entries()) {
    // Else an IPv6 address of its own making is of no use for a second or two.
    inside(pod, 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad');
    inside(
      self,
      `ip link add pod${at} type veth peer name eth0 netns ${pod.pid}`,
      `ip link set pod${at} master cni0 up`,
      `bridge link set dev pod${at} hairpin on`,
    );
    inside(
      pod,
      'ip link set lo up',
      `ip address add 10.244.${index}.${5 + at}/24 dev eth0`,
      'ip link set eth0 up',
      `ip route add default via 10.244.${index}.1`,
    );
  }
  execFileSync('nsenter', [...enter(self), 'nft', '-f', '-'], { input: SERVICES, timeout: 10_000 });
}

const SERVICES = `table ip services {
  chain prerouting {
    type nat hook prerouting priority dstnat
    ip daddr 10.96.0.9 tcp dport 81 dnat to 10.244.0.6:80
    ip daddr 10.96.0.8 tcp dport 81 dnat to 10.244.1.5:80
  }
}
`;

function enter({ pid }: Peer): string[] {
  return [`--target=${pid}`, '--net', '--'];
}

function inside(peer: Peer, ...commands: readonly string[]): string {
  // /proc/sys shows the network namespace of the process that opens it: no mount is needed.
  const argv = [...enter(peer), 'bash', '-ec', commands.join('\n')];
  return execFileSync('nsenter', argv, { timeout: 20_000, encoding: 'utf8' });
}
