import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInstaller } from '../../src/agents/run-installer.ts';
import { canonicalJson } from '../../src/base/canonical-json.ts';
import { openCluster } from '../../src/cli/cluster/cluster-session.ts';
import type { QueryClient } from '../../src/server/query/query-client.ts';
import { importModel } from '../../src/training/model-artifact.ts';
import { Installation } from '../../test/support/installation.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { openTrainerLayer } from './trainer-layer.ts';
import { trainerPython } from './trainer-python.ts';

const WORDS = ['amber', 'birch', 'cedar', 'delta', 'ember', 'fjord', 'grape', 'hazel'];

/** A node layer with an installation, the trainer's image, a tiny base model and data to learn from. */
export interface TrainingBed extends AsyncDisposable {
  readonly installation: Installation;
  readonly server: QueryClient;
  /** Of the trainer, by digest. */
  readonly image: string;
  /** Digests. */
  readonly base: string;
  readonly data: string;
}

export async function openTrainingBed(name: string): Promise<TrainingBed> {
  await using open = new AsyncDisposableStack();
  const program = await trainerPython();
  const dir = open.use(await tempDir());
  const model = await tinyModel(dir.path, program.python, program.path);
  const { cluster, environment, signal, image } = await openTrainerLayer(open, program);
  const installation = open.use(await Installation.open(cluster, name));
  const flags = { namespace: name, kubeconfig: cluster.kubeconfigPath };
  const session = open.use(await openCluster(flags, environment, signal));
  const server = await session.reader();
  const { digest: base } = await importModel(model, { versions: {}, parents: [] }, server);
  await server.importModel({ digest: base, source: 'tiny model' });
  const data = await conversations(server);
  const opened = open.move();
  const close = (): Promise<void> => opened.disposeAsync();
  return { installation, server, image, base, data, [Symbol.asyncDispose]: close };
}

async function tinyModel(folder: string, python: string, path: string): Promise<string> {
  const texts = join(folder, 'texts.txt');
  await mkdir(folder, { recursive: true });
  await writeFile(texts, `${WORDS.map((word) => ` ${word} ${word}`).join('\n')}\n`.repeat(8));
  const model = join(folder, 'model');
  const flags = ['--text', texts, '--out', model, '--vocab', '320', '--seed', '7'];
  await runInstaller({
    argv: ['env', `PYTHONPATH=${path}`, python, '-m', 'clawgym_trainer.tiny_model', ...flags],
    ...{ cwd: folder, env: process.env, signal: AbortSignal.timeout(120_000) },
  });
  return model;
}

/** An export of conversations that say the word that they are asked for. */
async function conversations(server: QueryClient): Promise<string> {
  const rows = WORDS.flatMap((word) =>
    [1, 2].map((time) => ({
      messages: [
        { role: 'user', content: `say ${word} ${time === 1 ? 'once' : 'twice'}` },
        { role: 'assistant', content: Array.from({ length: time }, () => word).join(' ') },
      ],
      tools: [],
    })),
  );
  const train = await server.put(
    Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join('')),
  );
  const none = await server.put(Buffer.from(''));
  const manifest = {
    format: 'messages-tools/v1',
    splits: { train: { rows: rows.length } },
    files: {
      'train.jsonl': { sha256: train.digest, bytes: train.size },
      'validation.jsonl': { sha256: none.digest, bytes: none.size },
    },
  };
  return (await server.put(Buffer.from(canonicalJson(manifest)))).digest;
}
