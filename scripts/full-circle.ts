import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openCluster } from '../src/cli/cluster/cluster-session.ts';
import { cliEnvironment } from '../src/cli/environment.ts';
import { kubectlOf } from './full-circle/cluster/kubectl.ts';
import { runInCluster } from './full-circle/cluster/run-in-cluster.ts';
import { circleLineage } from './full-circle/lineage.ts';
import { runCircle } from './full-circle/run-circle.ts';

/**
 * `npm run full-circle`: from personas to a better model on this machine, and where that model comes from.
 * The same command goes on where it was stopped. `--seed N` runs it with other seeds. `--namespace N` runs
 * it in a cluster (`--context`, `--kubeconfig`, `--server-namespace` as of `clawgym`).
 */
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'out/full-circle' },
    seed: { type: 'string', default: '0' },
    port: { type: 'string', default: '18017' },
    namespace: { type: 'string', short: 'n' },
    context: { type: 'string' },
    kubeconfig: { type: 'string' },
    'server-namespace': { type: 'string' },
    'trainer-image': { type: 'string' },
  },
});
const whole = (name: 'seed' | 'port', most: number): number => {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number >= 0 && number <= most) return number;
  process.stderr.write(
    `error: --${name} ${values[name]}: expected a whole number from 0 to ${most}\n`,
  );
  process.exit(2);
};
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
const work = resolve(values.out);
const [seed, port] = [whole('seed', 1_000_000), whole('port', 65_535)];
const { signal } = stop;
process.exitCode =
  values.namespace === undefined ? await here() : await inCluster(values.namespace);

async function here(): Promise<number> {
  for (const name of ['context', 'kubeconfig', 'server-namespace', 'trainer-image'] as const) {
    if (values[name] === undefined) continue;
    process.stderr.write(`error: --${name} goes with --namespace, which names where to run it\n`);
    return 2;
  }
  const code = await runCircle({ work, seed, port, signal });
  if (code !== 0) return code;
  const { lines, problems } = await circleLineage(work, 'rl');
  process.stdout.write(`\n${[...lines, ...problems].join('\n')}\n`);
  return problems.length === 0 ? 0 : 1;
}

async function inCluster(namespace: string): Promise<number> {
  const { context, kubeconfig, 'server-namespace': serverNamespace } = values;
  const place = { namespace, context, kubeconfig };
  const again = `the cluster goes on; the same command looks again. To end it: kubectl delete --namespace ${namespace} --filename ${work}/manifests`;
  try {
    await using session = await openCluster(
      { ...place, serverNamespace },
      cliEnvironment(),
      signal,
    );
    const { lineage } = await runInCluster({
      ...{ kubectl: kubectlOf(place, signal), session, serverNamespace, work, seed, signal },
      trainerImage: values['trainer-image'],
      print: (line) => void process.stdout.write(`${line}\n`),
    });
    const server = serverNamespace === undefined ? '' : ` --server-namespace ${serverNamespace}`;
    process.stdout.write(
      `\nThe report: bin/clawgym report circle --namespace ${namespace}${server} --out ${work}/report\n`,
    );
    return lineage.problems.length === 0 ? 0 : 1;
  } catch (thrown) {
    if (signal.aborted) {
      process.stderr.write(`stopped: ${again}\n`);
      return 130;
    }
    process.stderr.write(`error: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    return 1;
  }
}
