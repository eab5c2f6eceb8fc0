import { Command } from '@commander-js/extra-typings';
import { inCluster } from '../../src/cli/cluster/cluster-options.ts';
import { upTo } from '../../src/cli/flag-values.ts';

/** What `npm run full-circle` was asked for; without a namespace it runs on this machine. */
export interface CircleFlags {
  readonly out: string;
  /** Added to every seed of the manifests. */
  readonly seed: number;
  /** Of the scripted models on loopback. */
  readonly port: number;
  readonly trainerImage?: string | undefined;
  readonly namespace?: string | undefined;
  readonly context?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly serverNamespace?: string | undefined;
}

const HELP = `
The same command goes on where it was stopped. What it does: docs/guides/full-circle.md

Examples:
  npm run full-circle
  npm run full-circle -- --seed 1 --out out/second
  npm run full-circle -- --namespace clawgym`;

/** The command of `npm run full-circle`. Parsing throws commander's errors, help among them. */
export function circleProgram(carryOut: (flags: CircleFlags) => Promise<void>): Command {
  const program = new Command()
    .name('npm run full-circle --')
    .description('From personas to a better model, and where that model comes from')
    .exitOverride()
    .showHelpAfterError('(run with --help for the flags)')
    .addHelpText('after', HELP)
    .option('--out <dir>', 'folder with what it makes', 'out/full-circle')
    .option('--seed <n>', 'is added to every seed of the manifests', upTo(1_000_000), 0)
    .option('--port <n>', 'of the scripted models on 127.0.0.1', upTo(65_535), 18_017);
  inCluster(program, 'runs it in a cluster, in this namespace')
    .option('--trainer-image <image>', 'by digest, where the cluster has no runtimes for training')
    .action(async (flags, command) => {
      for (const name of ['context', 'kubeconfig', 'serverNamespace', 'trainerImage'] as const) {
        if (flags.namespace !== undefined || flags[name] === undefined) continue;
        const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
        command.error(`error: --${flag} goes with --namespace, which names where to run it`);
      }
      await carryOut(flags);
    });
  return program;
}
