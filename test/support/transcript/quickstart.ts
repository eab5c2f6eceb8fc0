import { join } from 'node:path';
import { z } from 'zod';
import { waitUntil } from '../../cluster/wait-until.ts';
import { clawgym, ROOT } from '../cli-process.ts';
import { type Installation, RELEASE } from '../installation.ts';
import { normalised } from './normalise.ts';
import type { Step } from './steps.ts';

const NAME = 'quickstart';
const SAMPLES = 'deploy/samples/quickstart';
const RUN_SECONDS = 600;
/** Decided rollouts of a run that is in its middle. */
const SOME = 12;
const zRun = z.object({
  status: z.object({
    progress: z.string().default(''),
    conditions: z.array(z.object({ type: z.string(), reason: z.string() })).default([]),
  }),
});
const zNames = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string() }) })),
});
/** A run that cannot begin. */
const MISTAKEN = {
  apiVersion: 'clawgym.io/v1alpha1',
  kind: 'RolloutBatch',
  metadata: { name: 'mistaken' },
  spec: {
    tasks: { configMap: { name: 'exmaple-tasks', key: 'tasks.jsonl' } },
    agent: { name: 'nop' },
  },
};

/**
 * The quickstart on an installation that is ready, as its user types it.
 *
 * @param access Flags of the command line that lead to the installation.
 * @param out Folder for the report.
 */
export async function quickstart(
  installation: Installation,
  access: readonly string[],
  out: string,
): Promise<readonly Step[]> {
  const scribe = new Scribe(installation, access, out);
  await scribe.notes('What the chart says once it is installed:');
  await scribe.apply('The tasks and the run:');
  await reached(installation, ({ conditions }) => conditions.length > 0);
  await scribe.kubectl('At once:', ['get', 'benchrun'], true);
  await reached(installation, ({ progress }) => Number.parseInt(progress, 10) >= SOME);
  const middle = 'While it runs. A BenchRun makes one RolloutBatch an arm:';
  await scribe.kubectl(middle, ['get', 'clawgym'], true);
  // The command line's own wait is bounded by that of the process.
  await installation.finished('benchrun', NAME, RUN_SECONDS);
  const report = 'The report, which waits until the run is complete:';
  await scribe.clawgym(report, ['report', NAME], ['--out', out, '--wait']);
  await scribe.kubectl('Afterwards:', ['get', 'clawgym']);
  const bench = 'All of it: scores with their intervals, and why the run is as it is:';
  await scribe.kubectl(bench, ['describe', 'benchrun', NAME]);
  const [lazy, solution] = [
    await batchOf(installation, 'lazy'),
    await batchOf(installation, 'solution'),
  ];
  await scribe.kubectl('One arm:', ['describe', 'rolloutbatch', solution]);
  await scribe.clawgym('The rollouts of another one:', ['get', 'rollouts', lazy]);
  await scribe.clawgym('One rollout, check by check:', ['show', `${lazy}/log-triage/0`]);
  await mistake(installation, scribe);
  return scribe.steps;
}

/** What `kubectl describe` says of a run that cannot begin is what its owner has to go by. */
async function mistake(installation: Installation, scribe: Scribe): Promise<void> {
  await installation.kubectl(['apply', '--filename', '-'], JSON.stringify(MISTAKEN));
  const { name } = MISTAKEN.metadata;
  const stalled = ['wait', '--for=condition=Stalled', '--timeout=60s', `rolloutbatch/${name}`];
  await installation.kubectl(stalled);
  const about = `A run that cannot begin says why, and begins by itself once that is mended. This one names a ConfigMap that is not there:`;
  await scribe.kubectl(about, ['describe', 'rolloutbatch', name]);
  await installation.kubectl(['delete', 'rolloutbatch', name]);
}

/** Runs commands and keeps them as a person would type them in namespace "clawgym". */
class Scribe {
  readonly steps: Step[] = [];
  readonly #installation: Installation;
  readonly #access: readonly string[];
  readonly #out: string;

  constructor(installation: Installation, access: readonly string[], out: string) {
    this.#installation = installation;
    this.#access = access;
    this.#out = out;
  }

  async notes(about: string): Promise<void> {
    const { cluster, helm, namespace } = this.#installation;
    const flags = ['--namespace', namespace, '--kubeconfig', cluster.kubeconfigPath];
    const output = await helm.run(['get', 'notes', RELEASE, ...flags]);
    this.#note(about, `helm get notes ${RELEASE} --namespace clawgym`, output.trimStart());
  }

  async apply(about: string): Promise<void> {
    const typed = (folder: string) => ['apply', '--filename', folder];
    const output = await this.#installation.kubectl(typed(join(ROOT, SAMPLES)));
    this.#note(about, ['kubectl --namespace clawgym', ...typed(SAMPLES)].join(' '), output);
  }

  async kubectl(about: string, args: readonly string[], passing = false): Promise<void> {
    const output = await this.#installation.kubectl(args);
    this.#note(about, ['kubectl --namespace clawgym', ...args].join(' '), output, passing);
  }

  async clawgym(about: string, args: readonly string[], more: readonly string[] = []) {
    const run = await clawgym(...args, ...this.#access, ...more);
    if (run.code !== 0) throw new Error(`clawgym ${args.join(' ')}: ${run.stderr}`);
    this.#note(about, ['clawgym', ...args, '--namespace clawgym', ...more].join(' '), run.stdout);
  }

  #note(about: string, command: string, output: string, passing = false): void {
    const shown = (text: string): string =>
      normalised(text.replaceAll(this.#out, 'report'), this.#installation.namespace);
    this.steps.push({ about, command: shown(command), output: shown(output), passing });
  }
}

async function reached(
  installation: Installation,
  so: (status: z.infer<typeof zRun>['status']) => boolean,
): Promise<void> {
  await waitUntil(async () => so(zRun.parse(await installation.get('benchrun', NAME)).status), {
    what: `benchrun ${NAME} is so far`,
    seconds: RUN_SECONDS,
  });
}

async function batchOf(installation: Installation, arm: string): Promise<string> {
  const { items } = zNames.parse(
    await installation.get('rolloutbatches', `--selector=clawgym.io/arm=${arm}`),
  );
  const name = items[0]?.metadata.name;
  if (name === undefined) throw new Error(`no RolloutBatch of arm ${arm}`);
  return name;
}
