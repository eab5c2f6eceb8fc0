import { createSecureContext, type SecureContext } from 'node:tls';
import { z } from 'zod';
import { systemClock } from '../../../operator/kube/base/clock.ts';
import { isConflict, isNotFound } from '../../../operator/kube/base/kube-error.ts';
import { createCache } from '../../../operator/kube/cache/informer-cache.ts';
import { parseJson } from '../../../src/base/brand.ts';
import { errorMessage } from '../../../src/base/error.ts';
import { LABELS } from '../../../src/protocol/pod-contract.ts';
import { connect } from '../kube.ts';
import { KubeletCalls, type PodKey } from './kubelet-calls.ts';
import { companion, fetch, type PodAccess, report, stage } from './play-sandbox.ts';
import { type Step, statusAt } from './pod-status.ts';
import { type Played, playedOf, playedPart, sandboxPods } from './sandbox-pod.ts';
import { Tally } from './tally.ts';

/**
 * `node sandbox-worker.ts JSON`: plays the kubelet and the programs of every sandbox pod of a namespace:
 * the status of each pod by the API that a kubelet uses, its programs through the real sandbox API with
 * the pod's real token. A process of its own: what it costs is not the operator's. Prints `ready`, then
 * its tally when SIGTERM comes.
 */
const zWork = z.object({
  kubeconfig: z.string(),
  namespace: z.string(),
  serverUrl: z.string(),
  /** Containers that do something at the same time. */
  parallel: z.number(),
  /** So long agents and graders take. */
  workSeconds: z.number(),
});
const work = zWork.parse(parseJson(process.argv[2] ?? ''));

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const { signal } = stop;
const client = connect(work.kubeconfig);
const kubelet = new KubeletCalls(client, signal);
const tally = new Tally();
const taken = new Set<string>();
const contexts = new Map<string, SecureContext>();
const waiting: (() => Promise<void>)[] = [];
let busy = 0;

// A pod that has started is in nobody's view any more: who plays it knows how far it is.
const cache = createCache({
  client: client.for(sandboxPods),
  selection: {
    namespace: work.namespace,
    labelSelector: `${LABELS.sandbox}=true`,
    fieldSelector: 'spec.nodeName!=,status.phase=Pending,status.podIP=',
  },
  ...{ clock: systemClock, random: Math.random, project: playedPart, freeze: false },
});
cache.subscribe(({ type, object }) => {
  const { uid = '', name, namespace = '' } = object.metadata;
  if (type === 'deleted' || taken.has(uid)) return;
  const played = playedOf(object);
  if (played.started) return;
  taken.add(uid);
  const pod = new PlayedPod({ uid, name, namespace }, played);
  if (played.deleted) take('gone', () => kubelet.remove(pod.key));
  else take('first', () => first(pod));
});

/** What the kubelet knows of a pod. */
class PlayedPod {
  readonly key: PodKey;
  readonly played: Played;
  readonly #podIP: string;
  readonly #startedAt = stamp();

  constructor(key: PodKey, played: Played) {
    this.key = key;
    this.played = played;
    this.#podIP = `10.128.${(taken.size >> 8) & 255}.${taken.size & 255}`;
  }

  /** False: the pod was deleted meanwhile, and is gone now. */
  async is(step: Step, exitCode?: number): Promise<boolean> {
    const { init, main } = this.played;
    const simulated = { init, main, podIP: this.#podIP, startedAt: this.#startedAt };
    const status = statusAt(step, simulated, stamp(), exitCode);
    const goes = await tally.timed('status', () => kubelet.writeStatus(this.key, status));
    if (goes) await kubelet.remove(this.key);
    return !goes;
  }
}

function stamp(): string {
  return new Date(systemClock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
}

function take(step: string, play: () => Promise<void>): void {
  const seen = performance.now();
  waiting.push(async () => {
    tally.took(`${step}: waited`, performance.now() - seen);
    try {
      await play();
    } catch (thrown) {
      // A pod that was deleted meanwhile needs no player.
      if (signal.aborted || isNotFound(thrown) || isConflict(thrown)) return;
      tally.failed(step, errorMessage(thrown));
    }
  });
  next();
}

function next(): void {
  while (busy < work.parallel) {
    const play = waiting.shift();
    if (play === undefined) return;
    busy += 1;
    void play().finally(() => {
      busy -= 1;
      next();
    });
  }
}

async function first(pod: PlayedPod): Promise<void> {
  const { key, played } = pod;
  const { ca } = played;
  if (!(await pod.is('starts'))) return;
  const token = await tally.timed('token', () => kubelet.token(key, played));
  const secureContext = contextOf(ca);
  const access = { serverUrl: work.serverUrl, ca, secureContext, token, signal };
  const role = played.kind === 'rollout' ? 'stage' : 'fetch';
  const end = await tally.timed(role, async () =>
    played.kind === 'rollout' ? await stage(access) : await fetch(access),
  );
  if ('exit' in end) {
    tally.failed(role, `exit ${end.exit}`);
    await pod.is('refused', end.exit);
    return;
  }
  if (await pod.is('works')) take('rest', () => rest(pod, access, end.done ?? Buffer.alloc(0)));
}

function contextOf(ca: string): SecureContext {
  const context = contexts.get(ca) ?? createSecureContext({ ca });
  contexts.set(ca, context);
  return context;
}

async function rest(pod: PlayedPod, access: PodAccess, workspace: Buffer): Promise<void> {
  const { kind } = pod.played;
  if (kind === 'rollout')
    await tally.timed('companion', () => companion(access, workspace, simulatedWork));
  else await tally.timed('report', () => report(access, simulatedWork));
  await pod.is('ended');
  tally.count(`${kind} pods ended`);
}

async function simulatedWork(): Promise<number> {
  if (work.workSeconds > 0) await systemClock.sleep(work.workSeconds * 1000, signal);
  return work.workSeconds;
}

const reading = cache.run(signal);
await cache.whenSynced(signal);
process.stdout.write('ready\n');
await reading;
process.stdout.write(`${JSON.stringify(tally.summary())}\n`, () => process.exit(0));
