import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Results } from '../src/bench/results.ts';
import { clusterEnvironment } from '../test/cluster/cluster-environment.ts';
import { NodeLayer } from '../test/cluster/node/node-layer.ts';
import { decisions } from '../test/support/cli-process.ts';
import { ensureImages } from '../test/support/images.ts';
import { Installation } from '../test/support/installation.ts';
import { Claim } from './support/claim.ts';
import { clawgym, readResults, sharedData } from './support/clawgym.ts';
import { claimLayer, timed } from './support/cluster.ts';
import { genericRecording } from './support/generic-recording.ts';
import { startRecordedModel } from './support/recorded-model-pod.ts';

/**
 * Claims operator/1 and operator/2: BenchRuns on a real cluster, installed by the chart as a user who is
 * `admin` in one namespace, give for each task what the local engine gives: outcome, score, every check.
 * 1: the example tasks, two of them with OpenClaw; 2, `--data 40`: the 40 smallest tasks of the shared
 * evaluation data (a ConfigMap holds no more), whose model is made up (`genericRecording`).
 *
 * `--arms nop,openclaw` for some of the arms.
 */
const { values } = parseArgs({
  options: {
    arms: { type: 'string', default: 'nop,lazy,solution,pi,openclaw' },
    data: { type: 'string' },
  },
});
const ROOT = resolve(import.meta.dirname, '..');
const RECORDING = join(ROOT, 'examples/recordings/pi.jsonl');
const SAMPLE = join(ROOT, 'deploy/samples/quickstart/example-tasks.yaml');
const RUN_SECONDS = 1800;
/** Of the ConfigMap, in both forms. */
const [CONFIG_MAP, KEY] = ['example-tasks', 'tasks.jsonl'];
/** One that the recording solves and one that it solves in part, with tools that both harnesses have. */
const OPENCLAW_TASKS = ['pipeline-toml-to-json', 'contact-split'];

/** A BenchRun of the claim: its name, its arms, and its tasks where they are not all. */
interface Run {
  readonly name: string;
  readonly arms: readonly string[];
  readonly taskIds?: readonly string[];
}
const asked = values.arms.split(',');
const RUNS: readonly Run[] = [
  { name: 'scores', arms: asked.filter((arm) => arm !== 'openclaw') },
  {
    name: 'openclaw',
    arms: asked.filter((arm) => arm === 'openclaw'),
    ...(values.data === undefined && { taskIds: OPENCLAW_TASKS }),
  },
].filter(({ arms }) => arms.length > 0);

const claim = new Claim();
const scratch = await mkdtemp(join(tmpdir(), 'clawgym-scores-'));
try {
  const source = await taskSource();
  const recordings = await recordingsOfModels(source.recording);
  const local = new Map<string, unknown>();
  for (const run of RUNS) local.set(run.name, await localDecisions(run, source.path, recordings));
  await using owned = await claimLayer('node');
  const { signal } = new AbortController();
  await using layer = new NodeLayer(owned.cluster, { env: clusterEnvironment().env, signal });
  const harnesses = [...recordings.keys()].map((name) => `agent-${name}` as const);
  await ensureImages(layer, ['operator', 'server', 'runner', ...harnesses]);
  await using installation = await Installation.open(owned.cluster, 'scores');
  for (const [arm, path] of recordings)
    await startRecordedModel(installation, path, { name: `model-${arm}` });
  await installation.kubectl(['apply', '--server-side', '--filename', source.configMap]);
  const figures: string[] = [];
  for (const run of RUNS) {
    const [seconds] = await timed(() => clusterRun(installation, run));
    const one = JSON.stringify(local.get(run.name));
    const other = JSON.stringify(decisions(await clusterResults(installation, run.name)));
    claim.check(
      one === other,
      `${run.name}: the cluster decided otherwise:\nlocal   ${one}\ncluster ${other}`,
    );
    const tasks = run.taskIds === undefined ? source.what : run.taskIds.join(' and ');
    figures.push(`${run.arms.join(', ')} on ${tasks} (${Math.round(seconds)} s in the cluster)`);
  }
  claim.finish(
    `${figures.join('; ')}: outcomes, scores and checks identical to the local engine's`,
  );
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function clusterRun(installation: Installation, run: Run): Promise<void> {
  const tasks = { configMap: { name: CONFIG_MAP, key: KEY } };
  const manifest = benchRun(run, tasks, (arm) => ({ upstreamSecretRef: { name: `model-${arm}` } }));
  await installation.kubectl(['apply', '--filename', '-'], manifest);
  await installation.completed('benchrun', run.name, RUN_SECONDS);
}

async function clusterResults({ cluster, namespace }: Installation, name: string) {
  const out = join(scratch, `cluster-${name}`);
  const access = ['--namespace', namespace, '--kubeconfig', cluster.kubeconfigPath];
  const report = await clawgym(['report', name, ...access, '--out', out, '--wait']);
  if (report.exitCode !== 0) throw new Error(`clawgym report: ${report.stderr}`);
  return await readResults(out);
}

/** What the model of each harness that was asked for answers, in the names of its own tools. */
async function recordingsOfModels(
  recording: string,
): Promise<ReadonlyMap<'pi' | 'openclaw', string>> {
  const text = await readFile(recording, 'utf8');
  const openclaw = join(scratch, 'openclaw.jsonl');
  await writeFile(openclaw, text.replaceAll(/"name": ?"bash"/g, '"name": "exec"'));
  const all = [['pi', recording] as const, ['openclaw', openclaw] as const];
  return new Map(all.filter(([name]) => asked.includes(name)));
}

interface Source {
  readonly path: string;
  readonly configMap: string;
  /** What models answer. */
  readonly recording: string;
  readonly what: string;
}

/** The same tasks as a path for the local engine and as the manifest of a ConfigMap. */
async function taskSource(): Promise<Source> {
  if (values.data === undefined) {
    const path = join(ROOT, 'examples/tasks');
    return { path, configMap: SAMPLE, recording: RECORDING, what: '12 example tasks' };
  }
  const count = Number(values.data);
  const text = await readFile(sharedData('clawgym_eval.dev.jsonl'), 'utf8');
  const rows = text.trimEnd().split('\n');
  const chosen = new Set(rows.toSorted((one, other) => one.length - other.length).slice(0, count));
  const lines = rows.filter((row) => chosen.has(row));
  const jsonl = lines.map((row) => `${row}\n`).join('');
  const recording = join(scratch, 'generic.jsonl');
  await writeFile(recording, genericRecording(lines));
  const path = join(scratch, KEY);
  const configMap = join(scratch, 'config-map.json');
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: CONFIG_MAP } };
  await writeFile(path, jsonl);
  await writeFile(configMap, JSON.stringify({ ...object, data: { [KEY]: jsonl } }));
  return { path, configMap, recording, what: `${count} tasks of the shared data` };
}

async function localDecisions(
  run: Run,
  tasks: string,
  recordings: ReadonlyMap<string, string>,
): Promise<unknown> {
  const path = join(scratch, `${run.name}.yaml`);
  const model = (arm: string) => ({ recording: { path: recordings.get(arm) } });
  await writeFile(path, benchRun(run, { path: tasks }, model));
  const out = join(scratch, `local-${run.name}`);
  const { exitCode, stderr } = await clawgym(['run', '-f', path, '--out', out]);
  if (exitCode !== 0) throw new Error(`clawgym run: ${stderr}`);
  const results = await readResults(out);
  for (const arm of results.arms) checkHarness(arm);
  return decisions(results);
}

/** Equal scores say nothing where the harness never got to its model. */
function checkHarness({ name, tasks }: Results['arms'][number]): void {
  if (name !== 'pi' && name !== 'openclaw') return;
  for (const { id, attempts } of tasks) {
    const calls = attempts[0]?.tokens.calls ?? 0;
    claim.check(calls > 1, `${name} on ${id}: ${calls} model calls, expected several`);
  }
  const best = Math.max(...tasks.map(({ attempts }) => attempts[0]?.score.flat ?? 0));
  const least = values.data === undefined ? 1 : 0.1;
  claim.check(best >= least, `${name}: the best task has ${best}, expected ${least}`);
}

/** JSON is YAML: the same manifest for kubectl and for the local engine but for its sources. */
function benchRun(run: Run, tasks: object, model: (arm: string) => object): string {
  const arms = run.arms.map((name) => ({
    name,
    agent: { name },
    ...((name === 'pi' || name === 'openclaw') && {
      model: { name: 'recorded-demo', ...model(name) },
    }),
  }));
  return JSON.stringify({
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'BenchRun',
    metadata: { name: run.name },
    spec: {
      tasks: { ...tasks, ...(run.taskIds && { taskIds: run.taskIds }) },
      arms,
      parallelism: 6,
    },
  });
}
