import { resolve } from 'node:path';
import { CommanderError } from 'commander';
import { outliveReaders } from '../src/cli/broken-pipe.ts';
import { openCluster } from '../src/cli/cluster/cluster-session.ts';
import { cliEnvironment } from '../src/cli/environment.ts';
import { type CircleFlags, circleProgram } from './full-circle/circle-program.ts';
import { kubectlOf } from './full-circle/cluster/kubectl.ts';
import { runInCluster } from './full-circle/cluster/run-in-cluster.ts';
import { circleLineage } from './full-circle/lineage.ts';
import { runCircle } from './full-circle/run-circle.ts';

/**
 * `npm run full-circle`: from personas to a better model on this machine or, with `--namespace`, in a
 * cluster, and where that model comes from. Exit codes as of `clawgym`.
 */
outliveReaders([process.stdout, process.stderr]);
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
const { signal } = stop;
const program = circleProgram(async (flags) => {
  const { namespace } = flags;
  process.exitCode =
    namespace === undefined ? await here(flags) : await inCluster(namespace, flags);
});
try {
  await program.parseAsync(process.argv);
} catch (thrown) {
  if (!(thrown instanceof CommanderError)) throw thrown;
  process.exitCode = thrown.exitCode === 0 ? 0 : 2;
}

async function here({ out, seed, port }: CircleFlags): Promise<number> {
  const work = resolve(out);
  const code = await runCircle({ work, seed, port, signal });
  if (code !== 0) return code;
  const { lines, problems } = await circleLineage(work, 'rl');
  process.stdout.write(`\n${[...lines, ...problems].join('\n')}\n`);
  return problems.length === 0 ? 0 : 1;
}

async function inCluster(namespace: string, flags: CircleFlags): Promise<number> {
  const { context, kubeconfig, serverNamespace, trainerImage, seed } = flags;
  const work = resolve(flags.out);
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
      trainerImage,
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
