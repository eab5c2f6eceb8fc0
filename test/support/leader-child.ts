import { createInterface } from 'node:readline';
import { systemClock } from '../../operator/kube/base/clock.ts';
import { KubeError } from '../../operator/kube/base/kube-error.ts';
import { silentLogger } from '../../operator/kube/base/logger.ts';
import { isWrite, type Transport } from '../../operator/kube/client/transport.ts';
import { createKubeClient } from '../../operator/kube/client/typed-client.ts';
import { fencedTransport } from '../../operator/kube/election/fenced-transport.ts';
import { LeaderElection } from '../../operator/kube/election/leader-election.ts';
import { leases } from '../../operator/kube/election/lease.ts';
import { transportOf } from './cluster-client.ts';
import {
  LEASE_NAME,
  type LeaderEvent,
  LOG_LABELS,
  logEntries,
  type StopPoint,
  zLeaderConfig,
  zStopPoint,
} from './leader-protocol.ts';

/**
 * A process that, while it leads, writes one log entry a tick. Started with a LeaderConfig; a line on
 * standard input names the point of its next write at which it stops itself. SIGTERM hands over and
 * exits 0; a lost lease exits 1.
 */
const config = zLeaderConfig.parse(JSON.parse(process.argv[2] ?? ''));
const { namespace, identity } = config;
const cancelled = new AbortController();
let stopAt: StopPoint | undefined;
let leaseVersion = '';

process.once('SIGTERM', () => cancelled.abort());
createInterface({ input: process.stdin })
  .on('line', (line) => {
    stopAt = zStopPoint.parse(line);
  })
  // The test is gone.
  .on('close', () => process.exit(3));

const transport = transportOf(config.kubeconfig, `leader/${identity}`);
const own = stoppable(transport);
const election = new LeaderElection({
  leases: createKubeClient({ transport: noting(transport) }).for(leases),
  namespace,
  name: LEASE_NAME,
  identity,
  fieldManager: identity,
  clock: systemClock,
  random: Math.random,
  logger: silentLogger,
  leaseDurationMs: config.leaseDurationMs,
  renewDeadlineMs: config.renewDeadlineMs,
  retryPeriodMs: config.retryPeriodMs,
});
const acting = config.fenced ? fencedTransport(own, election.leadership) : own;
const log = createKubeClient({ transport: acting }).for(logEntries);

// Libraries are loaded and the connection stands when it says so; a server that is away is no matter.
await log.list({ namespace }, { signal: cancelled.signal, timeoutMs: 5000 }).catch(() => undefined);
say({ type: 'candidate' });
try {
  await election.run(lead, cancelled.signal);
  say({ type: 'ended' }, 0);
} catch (error) {
  say({ type: 'ended', code: codeOf(error) }, 1);
}

async function lead(signal: AbortSignal): Promise<void> {
  say({ type: 'leading' });
  let next = config.locked ? await nextEntry(signal) : 0;
  for (let counter = 0; !signal.aborted; counter += 1) {
    const entry = config.locked ? `log-${String(next).padStart(6, '0')}` : `${identity}-${counter}`;
    const data = { writer: identity, counter: `${counter}`, leaseVersion, at: `${Date.now()}` };
    const metadata = { name: entry, namespace, labels: LOG_LABELS };
    stopHere('before-call');
    try {
      await log.create({ metadata, data }, { signal, fieldManager: identity, timeoutMs: 5000 });
      say({ type: 'written', entry });
      next += 1;
    } catch (error) {
      say({ type: 'refused', code: codeOf(error) });
      // Also where this process's own answer was lost.
      if (codeOf(error) === 'AlreadyExists') next += 1;
    }
    await systemClock.sleep(config.tickMs, signal).catch(() => undefined);
  }
}

async function nextEntry(signal: AbortSignal): Promise<number> {
  const { items } = await log.list({ namespace, labelSelector: 'log=leaders' }, { signal });
  return (
    Math.max(-1, ...items.map((entry) => Number(entry.metadata.name.slice('log-'.length)))) + 1
  );
}

/** Notes the version of each write of the lease that was confirmed. */
function noting(inner: Transport): Transport {
  return {
    stream: (request) => inner.stream(request),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    request: async (request) => {
      const answer = await inner.request(request);
      if (isWrite(request)) leaseVersion = leases.parse(answer).metadata.resourceVersion ?? '';
      return answer;
    },
  };
}

function stoppable(inner: Transport): Transport {
  return {
    stream: (request) => inner.stream(request),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    request: (request) => {
      if (!isWrite(request)) return inner.request(request);
      stopHere('before-send');
      const beforeSend = (): void => {
        request.beforeSend?.();
        stopHere('after-check');
      };
      return inner.request({ ...request, beforeSend });
    },
  };
}

/** Returns when the process goes on: SIGSTOP takes effect at once. */
function stopHere(point: StopPoint): void {
  if (stopAt !== point) return;
  stopAt = undefined;
  process.kill(process.pid, 'SIGSTOP');
}

function codeOf(error: unknown): string {
  return error instanceof KubeError ? error.code : String(error);
}

function say(event: LeaderEvent, exitCode?: number): void {
  process.stdout.write(`${JSON.stringify(event)}\n`, () => {
    if (exitCode !== undefined) process.exit(exitCode);
  });
}
