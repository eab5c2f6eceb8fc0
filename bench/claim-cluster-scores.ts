import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { clusterEnvironment } from '../test/cluster/cluster-environment.ts';
import { NodeLayer } from '../test/cluster/node/node-layer.ts';
import { decisions } from '../test/support/cli-process.ts';
import { ensureImages } from '../test/support/images.ts';
import { Installation } from '../test/support/installation.ts';
import { Claim } from './support/claim.ts';
import { clawgym, readResults, sharedData } from './support/clawgym.ts';
import { claimLayer, timed } from './support/cluster.ts';
import { RECORDED_UPSTREAM, startRecordedModel } from './support/recorded-model-pod.ts';

/**
 * Claims operator/1 and operator/2: a BenchRun on a real cluster, installed by the chart as a user who
 * is `admin` in one namespace, gives for each task what the local engine gives: outcome, score, every
 * check. 1: the example tasks; 2, `--data 40`: the 40 smallest tasks of the shared evaluation data (a
 * ConfigMap holds no more).
 *
 * `--arms nop,solution` for some of the arms.
 */
const { values } = parseArgs({
  options: { arms: { type: 'string', default: 'nop,lazy,solution,pi' }, data: { type: 'string' } },
});
const ROOT = resolve(import.meta.dirname, '..');
const RECORDING = join(ROOT, 'examples/recordings/pi.jsonl');
const SAMPLE = join(ROOT, 'deploy/samples/quickstart/example-tasks.yaml');
const NAME = 'scores';
const RUN_SECONDS = 1800;
/** Of the ConfigMap, in both forms. */
const [CONFIG_MAP, KEY] = ['example-tasks', 'tasks.jsonl'];

const claim = new Claim();
const scratch = await mkdtemp(join(tmpdir(), 'clawgym-scores-'));
try {
  const source = await taskSource();
  const local = await localDecisions(source.path);
  await using owned = await claimLayer('node');
  const { signal } = new AbortController();
  await using layer = new NodeLayer(owned.cluster, { env: clusterEnvironment().env, signal });
  await ensureImages(layer, ['operator', 'server', 'runner', 'agent-pi']);
  await using installation = await Installation.open(owned.cluster, 'scores');
  await startRecordedModel(installation, RECORDING);
  await installation.kubectl(['apply', '--server-side', '--filename', source.configMap]);
  const manifest = benchRun(
    { configMap: { name: CONFIG_MAP, key: KEY } },
    { upstreamSecretRef: { name: RECORDED_UPSTREAM } },
  );
  const [seconds] = await timed(async () => {
    await installation.kubectl(['apply', '--filename', '-'], manifest);
    await installation.finished('benchrun', NAME, RUN_SECONDS);
  });
  const out = join(scratch, 'cluster');
  const access = ['--namespace', installation.namespace];
  const config = ['--kubeconfig', owned.cluster.kubeconfigPath];
  const report = await clawgym(['report', NAME, ...access, ...config, '--out', out, '--wait']);
  claim.check(report.exitCode === 0, `clawgym report: ${report.stderr}`);
  const [one, other] = [local, decisions(await readResults(out))].map((it) => JSON.stringify(it));
  claim.check(one === other, `the cluster decided otherwise:\nlocal   ${one}\ncluster ${other}`);
  claim.finish(
    `${values.arms.split(',').length} arms of ${source.what}: outcomes, scores and checks identical to the local engine's; ${Math.round(seconds)} s in the cluster`,
  );
} finally {
  await rm(scratch, { recursive: true, force: true });
}

/** The same tasks as a path for the local engine and as the manifest of a ConfigMap. */
async function taskSource(): Promise<{ path: string; configMap: string; what: string }> {
  if (values.data === undefined) {
    return { path: join(ROOT, 'examples/tasks'), configMap: SAMPLE, what: '12 example tasks' };
  }
  const count = Number(values.data);
  const text = await readFile(sharedData('clawgym_eval.dev.jsonl'), 'utf8');
  const rows = text.trimEnd().split('\n');
  const chosen = new Set(rows.toSorted((one, other) => one.length - other.length).slice(0, count));
  const jsonl = rows
    .filter((row) => chosen.has(row))
    .map((row) => `${row}\n`)
    .join('');
  const path = join(scratch, KEY);
  const configMap = join(scratch, 'config-map.json');
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: CONFIG_MAP } };
  await writeFile(path, jsonl);
  await writeFile(configMap, JSON.stringify({ ...object, data: { [KEY]: jsonl } }));
  return { path, configMap, what: `${count} tasks of the shared data` };
}

async function localDecisions(tasks: string): Promise<unknown> {
  const path = join(scratch, 'local.yaml');
  await writeFile(path, benchRun({ path: tasks }, { recording: { path: RECORDING } }));
  const out = join(scratch, 'local');
  const run = await clawgym(['run', '-f', path, '--out', out]);
  if (run.exitCode !== 0) throw new Error(`clawgym run: ${run.stderr}`);
  return decisions(await readResults(out));
}

/** JSON is YAML: the same manifest for kubectl and for the local engine but for its sources. */
function benchRun(tasks: object, source: object): string {
  const arms = values.arms.split(',').map((name) => ({
    name,
    agent: { name },
    ...(name === 'pi' && { model: { name: 'recorded-demo', ...source } }),
  }));
  return JSON.stringify({
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'BenchRun',
    metadata: { name: NAME },
    spec: { tasks, arms, parallelism: 6 },
  });
}
