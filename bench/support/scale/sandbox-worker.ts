import { z } from 'zod';
import { systemClock } from '../../../operator/kube/base/clock.ts';
import { isNotFound } from '../../../operator/kube/base/kube-error.ts';
import { createCache } from '../../../operator/kube/cache/informer-cache.ts';
import { parseJson } from '../../../src/base/brand.ts';
import { errorMessage } from '../../../src/base/error.ts';
import { LABELS } from '../../../src/protocol/pod-contract.ts';
import { STEPS } from '../../../test/cluster/kwok-sandbox-stages.ts';
import { connect } from '../kube.ts';
import { KubeletCalls, type PodKey } from './kubelet-calls.ts';
import { companion, fetch, type PodAccess, report, stage } from './play-sandbox.ts';
import { type Played, playedOf, playedPart, sandboxPods } from './sandbox-pod.ts';
import { Tally } from './tally.ts';

/**
 * `node sandbox-worker.ts JSON`: plays the programs of every sandbox pod of a namespace, through the real
 * sandbox API with the pod's real token, and says by annotations how far they are. A process of its own:
 * what it costs is not the operator's. Prints `ready`, then its tally when SIGTERM comes.
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
/** What the first container of a pod left for the others. */
const staged = new Map<string, { readonly access: PodAccess; readonly workspace: Buffer }>();
const taken = new Set<string>();
const waiting: (() => Promise<void>)[] = [];
let busy = 0;

const cache = createCache({
  client: client.for(sandboxPods),
  selection: { namespace: work.namespace, labelSelector: `${LABELS.sandbox}=true` },
  ...{ clock: systemClock, random: Math.random, project: playedPart, freeze: false },
});
cache.subscribe(({ type, object }) => {
  const { uid = '', name, namespace = '' } = object.metadata;
  if (type === 'deleted') forget(uid);
  else look({ uid, name, namespace }, playedOf(object));
});

function forget(uid: string): void {
  staged.delete(uid);
  for (const step of ['first', 'rest']) taken.delete(`${uid} ${step}`);
}

/** Takes what a pod's containers have to do now, once. */
function look(pod: PodKey, played: Played): void {
  if (played.deleted || !played.started) return;
  const { phase, step } = played;
  if (phase === 'Pending' && step === undefined) take(pod, 'first', () => first(pod, played));
  if (phase === 'Running' && step === STEPS.works) take(pod, 'rest', () => rest(pod, played));
}

function take(pod: PodKey, step: string, play: () => Promise<void>): void {
  const key = `${pod.uid} ${step}`;
  if (taken.has(key)) return;
  taken.add(key);
  const seen = performance.now();
  waiting.push(async () => {
    tally.took(`${step}: waited`, performance.now() - seen);
    try {
      await play();
    } catch (thrown) {
      if (!signal.aborted && !isNotFound(thrown)) tally.failed(step, errorMessage(thrown));
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

async function first(pod: PodKey, played: Played): Promise<void> {
  const { ca } = played;
  const token = await tally.timed('token', () => kubelet.token(pod, played));
  const access = { serverUrl: work.serverUrl, ca, token, signal };
  const role = played.kind === 'rollout' ? 'stage' : 'fetch';
  const end = await tally.timed(role, async () =>
    played.kind === 'rollout' ? await stage(access) : await fetch(access),
  );
  if ('exit' in end) {
    tally.failed(role, `exit ${end.exit}`);
    await kubelet.step(pod, 'refused', end.exit);
    return;
  }
  staged.set(pod.uid, { access, workspace: end.done ?? Buffer.alloc(0) });
  await tally.timed('step', () => kubelet.step(pod, 'works'));
}

async function rest(pod: PodKey, { kind }: Played): Promise<void> {
  const left = staged.get(pod.uid);
  if (left === undefined) throw new Error('its first container was not played here');
  const { access, workspace } = left;
  if (kind === 'rollout')
    await tally.timed('companion', () => companion(access, workspace, simulatedWork));
  else await tally.timed('report', () => report(access, simulatedWork));
  await tally.timed('step', () => kubelet.step(pod, 'ended'));
  tally.count(`${kind} pods ended`);
  staged.delete(pod.uid);
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
