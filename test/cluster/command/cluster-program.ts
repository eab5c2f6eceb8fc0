import { Command } from '@commander-js/extra-typings';
import { InvalidArgumentError } from 'commander';
import { LAYER_NAMES, type LayerName, zLayerName } from '../layer.ts';

const HELP = `
Layers, each with the programs it needs built from the Go module proxy on first use:
  apiserver   etcd, API server, controller manager, scheduler; no nodes, no root needed
  scale       apiserver with nodes and pods that KWOK simulates
  node        real pods on two nodes of this host; needs root, containerd, runc, CNI plugins

Environment:
  KUBEBUILDER_ASSETS   a folder with programs to use instead of building them
  CLAWGYM_CACHE_DIR    where built programs stand
  CLAWGYM_CLUSTER_PROVIDER=k3s
                       k3s in Docker in place of the layers apiserver and node
  (tests also take USE_EXISTING_CLUSTER=true with KUBECONFIG)

Examples:
  npm run cluster -- up --layer scale
  npm run cluster -- status -o json
  npm run cluster -- down`;

/** The command tree of `npm run cluster`; each action is loaded when it is called. */
export function clusterProgram(): Command {
  const program = new Command()
    .name('npm run cluster --')
    .description('A real Kubernetes on this host, for tests and for looking around')
    .exitOverride()
    .showHelpAfterError('(run with --help for the flags)')
    .addHelpText('after', HELP);
  program
    .command('up')
    .description('Start a layer and leave it running; says the same again where it runs already')
    .option('--layer <name>', `${LAYER_NAMES.join(', ')}`, layerName, 'apiserver')
    .option('--nodes <n>', 'simulated nodes of the layer scale (default: 20)', count)
    .option('-o, --output <format>', 'text or json', outputFormat, 'text')
    .action(async (options) => {
      const { up } = await import('./up.ts');
      await up(options);
    });
  program
    .command('down')
    .description('End what `up` started and remove what killed clusters left behind')
    .option('--layer <name>', 'only this layer', layerName)
    .option('-o, --output <format>', 'text or json', outputFormat, 'text')
    .action(async (options) => {
      const { down } = await import('./down.ts');
      await down(options);
    });
  program
    .command('status')
    .description('List the clusters of this user on this host, those of running tests too')
    .option('-o, --output <format>', 'text or json', outputFormat, 'text')
    .action(async (options) => {
      const { status } = await import('./status.ts');
      await status(options);
    });
  return program;
}

function layerName(text: string): LayerName {
  const parsed = zLayerName.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`expected one of ${LAYER_NAMES.join(', ')}`);
}

function outputFormat(text: string): 'text' | 'json' {
  if (text === 'text' || text === 'json') return text;
  throw new InvalidArgumentError('expected text or json');
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a whole number above 0');
}
