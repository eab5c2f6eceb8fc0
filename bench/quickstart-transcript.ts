import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { clusterEnvironment } from '../test/cluster/cluster-environment.ts';
import { NodeLayer } from '../test/cluster/node/node-layer.ts';
import { ensureImages } from '../test/support/images.ts';
import { Installation } from '../test/support/installation.ts';
import { TRANSCRIPT, transcriptPage } from '../test/support/transcript/page.ts';
import { quickstart } from '../test/support/transcript/quickstart.ts';
import { claimLayer } from './support/cluster.ts';

/** Writes the transcript of the quickstart into the guides, from a real run on the node layer. */
const scratch = await mkdtemp(join(tmpdir(), 'clawgym-transcript-'));
try {
  await using owned = await claimLayer('node');
  const { signal } = new AbortController();
  await using layer = new NodeLayer(owned.cluster, { env: clusterEnvironment().env, signal });
  await ensureImages(layer, ['operator', 'server', 'runner']);
  await using installation = await Installation.open(
    owned.cluster,
    `run-${randomUUID().slice(0, 8)}`,
  );
  const access = ['--namespace', installation.namespace];
  const config = ['--kubeconfig', owned.cluster.kubeconfigPath];
  const steps = await quickstart(installation, [...access, ...config], join(scratch, 'report'));
  await writeFile(resolve(import.meta.dirname, '..', TRANSCRIPT), transcriptPage(steps));
} finally {
  await rm(scratch, { recursive: true, force: true });
}
