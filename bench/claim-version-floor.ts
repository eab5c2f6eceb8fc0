import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../src/base/brand.ts';
import { SIMULATED_EXIT_CODE } from '../test/cluster/kwok-stages.ts';
import { Claim } from './support/claim.ts';
import { claimLayer } from './support/cluster.ts';

/**
 * Claim runtime/15: on the oldest supported Kubernetes, 1.33, the custom resource definitions with
 * their rules are accepted and an indexed Job with a pod failure policy ends as it should. The
 * nodes are simulated: what is proven is the control plane's part.
 */
const ROOT = resolve(import.meta.dirname, '..');
const MINOR = '33';
const INDEXES = 12;

const zVersion = z.object({
  serverVersion: z.object({ minor: z.string(), gitVersion: z.string() }),
});
const zJobStatus = z.object({
  completedIndexes: z.string().default(''),
  failedIndexes: z.string().default(''),
  conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
});

/** A Job whose pods all end with one exit code, which fails an index at the first try where it is 42. */
function job(name: string, exitCode: string): object {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: {
      completions: INDEXES,
      parallelism: INDEXES,
      completionMode: 'Indexed',
      backoffLimitPerIndex: 3,
      podFailurePolicy: {
        rules: [
          { action: 'FailIndex', onExitCodes: { operator: 'In', values: [42] } },
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] },
        ],
      },
      template: {
        metadata: exitCode === '0' ? {} : { annotations: { [SIMULATED_EXIT_CODE]: exitCode } },
        spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example/none' }] },
      },
    },
  };
}

const claim = new Claim();
await using owned = await claimLayer('scale', { release: 'floor', simulatedNodes: 3 });
const { cluster } = owned;
const version = zVersion.parse(parseJson(await cluster.kubectl(['version', '-o', 'json'])));
claim.check(version.serverVersion.minor === MINOR, `the server is not 1.${MINOR}`);

const folder = join(ROOT, 'crds');
const definitions = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
await cluster.kubectl(['apply', '--server-side', '--filename', folder]);
await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all']);
const manifest = join(ROOT, 'examples/manifests/selected-tasks.yaml');
await cluster.kubectl(['create', '--dry-run=server', '--filename', manifest]);

for (const [name, exitCode, condition] of [
  ['good', '0', 'Complete'],
  ['bad', '42', 'Failed'],
] as const) {
  await cluster.kubectl(['create', '--filename', '-'], JSON.stringify(job(name, exitCode)));
  await cluster.kubectl(['wait', `--for=condition=${condition}`, `job/${name}`, '--timeout=90s']);
  const text = await cluster.kubectl(['get', 'job', name, '-o', 'jsonpath={.status}']);
  const status = zJobStatus.parse(parseJson(text));
  const indexes = exitCode === '0' ? status.completedIndexes : status.failedIndexes;
  claim.check(indexes === `0-${INDEXES - 1}`, `job ${name}: indexes ${indexes}`);
}
claim.finish(
  `${version.serverVersion.gitVersion}: ${definitions.length} definitions established, ` +
    `indexed Jobs of ${INDEXES} completed and failed by index`,
);
