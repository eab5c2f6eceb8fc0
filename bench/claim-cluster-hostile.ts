import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RECORDING_SCHEMA } from '../src/gateway/recording.ts';
import { clusterEnvironment } from '../test/cluster/cluster-environment.ts';
import { NodeLayer } from '../test/cluster/node/node-layer.ts';
import { ensureImages } from '../test/support/images.ts';
import { Installation } from '../test/support/installation.ts';
import { Claim } from './support/claim.ts';
import { clawgym, readResults } from './support/clawgym.ts';
import { claimLayer, timed } from './support/cluster.ts';
import { killFromOutside } from './support/group-kill.ts';
import { ANOTHERS_SECRET } from './support/hostile-agent.ts';
import { type Ended, endings, problemsOf } from './support/hostile-endings.ts';
import { HOSTILE_AGENTS, hostileManifest } from './support/hostile-tasks.ts';
import { RECORDED_UPSTREAM, startRecordedModel } from './support/recorded-model-pod.ts';
import { withVerifications } from './support/verification-kinds.ts';

/**
 * Claim operator/9: hostile agents in pods of a cluster, and the same manifest in the local engine. Each
 * is decided at the first try and as its kind demands, with the findings that belong to it, and both
 * engines agree.
 *
 * `--only fork-bomb,special-files` for some of them; `--engine local` or `cluster` for one alone.
 */
const { values } = parseArgs({
  options: { only: { type: 'string' }, engine: { type: 'string' } },
});
const NAME = 'hostile';
const RUN_SECONDS = 900;
const [CONFIG_MAP, KEY] = ['hostile-agents', 'tasks.yaml'];
const RECORDING = [
  { schema: RECORDING_SCHEMA, model: 'm' },
  { task: 'any', match: 'go', turns: [{ content: 'ok' }] },
];

const only = values.only?.split(',');
const agents = HOSTILE_AGENTS.filter(({ name }) => only === undefined || only.includes(name));
const asked = (engine: 'local' | 'cluster'): boolean => (values.engine ?? engine) === engine;
const claim = new Claim();
const scratch = await mkdtemp(join(tmpdir(), 'clawgym-hostile-'));
try {
  const recording = join(scratch, 'recording.jsonl');
  await writeFile(recording, RECORDING.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const local = asked('local') ? await localEndings(recording) : undefined;
  const [seconds, cluster] = await timed(async () =>
    asked('cluster') ? await clusterEndings(recording) : undefined,
  );
  for (const agent of agents) {
    const ends = { local: local?.get(agent.name), cluster: cluster?.get(agent.name) };
    process.stderr.write(`${agent.name}: ${JSON.stringify(ends)}\n`);
    for (const problem of problemsOf(agent, ends, asked)) claim.check(false, problem);
  }
  claim.finish(
    `${agents.length} hostile agents decided at the first try, alike in both engines; ${Math.round(seconds)} s in the cluster`,
  );
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function localEndings(recording: string): Promise<ReadonlyMap<string, Ended>> {
  const tasks = join(scratch, KEY);
  const both = agents.filter(({ clusterOnly }) => clusterOnly !== true);
  if (both.length === 0) return new Map();
  await writeFile(tasks, hostileManifest(both));
  const path = join(scratch, 'local.yaml');
  await writeFile(path, benchRun({ path: tasks }, { recording: { path: recording } }, 2));
  const out = join(scratch, 'local');
  const run = await clawgym(['run', '-f', path, '--out', out]);
  if (run.exitCode !== 0) throw new Error(`clawgym run: ${run.stderr}`);
  return await withVerifications(agents, endings(await readResults(out)), ['--out', out]);
}

async function clusterEndings(recording: string): Promise<ReadonlyMap<string, Ended>> {
  await using owned = await claimLayer('node');
  const { signal } = new AbortController();
  await using layer = new NodeLayer(owned.cluster, { env: clusterEnvironment().env, signal });
  await ensureImages(layer, ['operator', 'server', 'runner']);
  await using installation = await Installation.open(owned.cluster, 'hostile');
  await startRecordedModel(installation, recording);
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: CONFIG_MAP },
    data: { [KEY]: hostileManifest(agents) },
  };
  const source = { configMap: { name: CONFIG_MAP, key: KEY } };
  const model = { upstreamSecretRef: { name: RECORDED_UPSTREAM } };
  for (const manifest of [JSON.stringify(configMap), benchRun(source, model, 6)]) {
    await installation.kubectl(['apply', '--filename', '-'], manifest);
  }
  const over = new AbortController();
  const killing = agents.some(({ clusterOnly }) => clusterOnly)
    ? killFromOutside(layer, installation, over.signal)
    : undefined;
  try {
    await installation.finished('benchrun', NAME, RUN_SECONDS);
  } finally {
    over.abort();
    await killing;
  }
  const access = [
    '--namespace',
    installation.namespace,
    '--kubeconfig',
    owned.cluster.kubeconfigPath,
  ];
  const out = join(scratch, 'cluster');
  const report = await clawgym(['report', NAME, ...access, '--out', out, '--wait']);
  claim.check(report.exitCode === 0, `clawgym report: ${report.stderr}`);
  if (only === undefined) await expectSecret(installation, access);
  return await withVerifications(agents, endings(await readResults(out)), access);
}

/** What one agent looks for in vain is there: what another printed, under the digest of that text. */
async function expectSecret(installation: Installation, access: readonly string[]): Promise<void> {
  const [, batch] = (await installation.kubectl(['get', 'rolloutbatch', '-o', 'name'])).split('/');
  const logs = await clawgym(['logs', `${batch?.trim()}/prints-a-secret/0`, ...access]);
  claim.check(logs.stdout.includes(ANOTHERS_SECRET), `the secret was not kept: ${logs.stderr}`);
}

/** JSON is YAML: the same manifest for kubectl and for the local engine but for its sources. */
function benchRun(tasks: object, source: object, parallelism: number): string {
  const command = ['bash', '-c', 'exec bash "$CLAWGYM_INSTRUCTION_FILE"'];
  return JSON.stringify({
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'BenchRun',
    metadata: { name: NAME },
    spec: {
      tasks,
      arms: [
        { name: 'command', agent: { name: 'command', command }, model: { name: 'm', ...source } },
      ],
      parallelism,
      // Memory for as many processes as a kubelet allows: else a fork bomb meets the one limit or the other.
      limits: { cpuMillis: 1000, memoryMiB: 1024, pids: 128 },
      gatewayLossSeconds: 10,
    },
  });
}
