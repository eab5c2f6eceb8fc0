import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { imageReference } from '../cluster/images/image-names.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { clawgym, EXAMPLES, ROOT, resultsOf } from '../support/cli-process.ts';
import { seededRandom } from '../support/fault-proxy/rules.ts';
import { ensureImages, tagImages } from '../support/images.ts';
import { Installation, RELEASE, RESEARCHER } from '../support/installation.ts';
import { Killer } from '../support/kills.ts';
import { nodeLayer } from '../support/pods/node-layer-bed.ts';
import { taskVolume } from '../support/task-volume.ts';
import { tempDir } from '../support/temp-dir.ts';
import { TRANSCRIPT } from '../support/transcript/page.ts';
import { quickstart } from '../support/transcript/quickstart.ts';
import { compared, comparedPage } from '../support/transcript/steps.ts';

const layer = nodeLayer();
const namespace = `read-${randomUUID().slice(0, 8)}`;
const LABEL = `app.kubernetes.io/instance=${RELEASE}`;
/** Of the same images: a release of another tag. */
const NEXT_TAG = 'next';
let installation: Installation;
let folder: Awaited<ReturnType<typeof tempDir>>;
let cluster: readonly string[];

/** One pod at a time, so that there is a middle. */
const BATCH = {
  apiVersion: 'clawgym.io/v1alpha1',
  kind: 'RolloutBatch',
  metadata: { name: 'through-upgrades' },
  spec: {
    tasks: {
      configMap: { name: 'example-tasks', key: 'tasks.jsonl' },
      taskIds: ['log-triage', 'meeting-slot', 'contact-split', 'travel-claim'],
    },
    agent: { name: 'solution' },
    parallelism: 1,
  },
};
const zBatch = z.object({
  status: z.object({
    rollouts: z.object({ planned: z.number(), decided: z.number() }).optional(),
    outcomes: z.array(z.object({ outcome: z.string(), count: z.number() })).optional(),
    attempts: z.number().optional(),
    taskSet: z.string().optional(),
  }),
});

const zShown = z.object({
  attempts: z.array(
    z.object({
      pods: z.array(
        z.object({
          work: z.string(),
          evidence: z.object({
            containers: z.array(
              z.object({
                name: z.string(),
                state: z.string(),
                terminated: z.object({ exitCode: z.number(), reason: z.string() }).optional(),
              }),
            ),
          }),
        }),
      ),
    }),
  ),
});
const ENDED_WELL = { state: 'terminated', terminated: { exitCode: 0, reason: 'Completed' } };

/** A kubeconfig of somebody who is bound to `admin` in the namespace, and to nothing else. */
async function researcherConfig(path: string): Promise<void> {
  const text = readFileSync(layer.cluster.kubeconfigPath, 'utf8');
  const config = z
    .looseObject({ users: z.array(z.looseObject({ user: z.looseObject({}) })) })
    .parse(JSON.parse(text));
  const users = config.users.map((one) => ({ ...one, user: { ...one.user, as: RESEARCHER } }));
  await writeFile(path, JSON.stringify({ ...config, users }), { mode: 0o600 });
}

beforeAll(async () => {
  await ensureImages(layer, ['operator', 'server', 'runner']);
  folder = await tempDir();
  const kubeconfig = join(folder.path, 'kubeconfig');
  await researcherConfig(kubeconfig);
  cluster = ['--namespace', namespace, '--kubeconfig', kubeconfig];
  installation = await Installation.open(layer.cluster, namespace);
}, 900_000);

afterAll(async () => {
  await installation?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
  await layer[Symbol.asyncDispose]();
});

describe('a run of a cluster, read by an admin of its namespace', () => {
  test('answers as the transcript of the quickstart says', async () => {
    const page = readFileSync(join(ROOT, TRANSCRIPT), 'utf8');
    const steps = await quickstart(installation, cluster, join(folder.path, 'report'));
    expect(steps.map(compared)).toEqual(comparedPage(page));
  }, 600_000);

  test('is reported as a local one, once it is complete', () => {
    const out = join(folder.path, 'report');
    const results = resultsOf(out);
    expect(results.arms.map(({ name, tasks }) => [name, tasks.length])).toEqual([
      ['nop', 12],
      ['lazy', 12],
      ['solution', 12],
    ]);
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('quickstart');
    const rows = readFileSync(join(out, 'rollouts.jsonl'), 'utf8').trimEnd().split('\n');
    expect(rows).toHaveLength(36);
    const zRow = z.object({ checks: z.array(z.tuple([z.string(), z.number()])).min(1) });
    for (const row of rows) zRow.parse(JSON.parse(row));
  });

  test('shows its rollouts by the names of its objects', async () => {
    const batches = await installation.kubectl(['get', 'rolloutbatches', '-o', 'name']);
    const batch =
      batches
        .split('\n')
        .find((name) => name.includes('solution'))
        ?.split('/')[1] ?? '';
    const list = await clawgym('get', 'rollouts', batch, ...cluster);
    expect(list.stderr).toBe('');
    expect(list.stdout).toMatch(
      new RegExp(`^ROLLOUT +OUTCOME +SCORE.*\n(?:.*\n)*${batch}/log-triage/0 +scored +1\\.0000`),
    );
    const name = `${batch}/log-triage/0`;
    const shown = await clawgym('show', name, ...cluster);
    expect(shown.stdout).toMatch(new RegExp(`^Rollout: +${name}\nTask: +log-triage`));
    expect(shown.stdout).toContain('Outcome:       scored');
    expect(shown.stdout).toMatch(/ {2}Pods:\n {4}rollout .* Succeeded on node-\d\n/);
    const { attempts } = zShown.parse(
      JSON.parse((await clawgym('show', name, ...cluster, '-o', 'json')).stdout),
    );
    const containers = ['stage', 'companion', 'agent'].map((name) => ({ name, ...ENDED_WELL }));
    expect(attempts[0]?.pods[0]).toEqual({ work: 'rollout', evidence: { containers } });
    expect(await clawgym('logs', name, ...cluster)).toMatchObject({ code: 0 });
    const to = join(folder.path, 'to');
    const download = await clawgym('download', name, ...cluster, '--to', to);
    expect(download.code).toBe(0);
    expect(existsSync(join(download.stdout.trim(), 'workspace/logs/web.log'))).toBe(true);
  });

  test('says what is wrong where it cannot be read', async () => {
    const none = await clawgym('get', 'rollouts', 'nobody', ...cluster);
    expect(none.stderr).toMatch(/"nobody" is no batch; there are: .*nop.* \[NotFound\]/);
    const early = await clawgym('report', 'absent', ...cluster, '--out', join(folder.path, 'x'));
    expect(early.stderr).toMatch(/"absent" not found/);
    const [, , , kubeconfig = ''] = cluster;
    const elsewhere = ['--namespace', 'default', '--kubeconfig', kubeconfig];
    const foreign = await clawgym('show', 'x', ...elsewhere);
    expect([foreign.code, foreign.stderr]).toEqual([1, expect.stringContaining('forbidden')]);
  });

  test('passes the test of the chart', async () => {
    const flags = ['--namespace', namespace, '--kubeconfig', layer.cluster.kubeconfigPath];
    expect(await installation.helm.run(['test', RELEASE, ...flags])).toContain('Succeeded');
  });
});

describe('tasks on a volume', () => {
  const onVolume = (name: string, claimName: string, path: string) => ({
    ...{ apiVersion: 'clawgym.io/v1alpha1', kind: 'RolloutBatch', metadata: { name } },
    spec: {
      tasks: { persistentVolumeClaim: { claimName, path } },
      agent: { name: 'solution' },
    },
  });
  const apply = (objects: readonly object[]) =>
    installation.kubectl(
      ['apply', '--filename', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    );

  test('of one node or of all are read by a pod, from a folder or packed', async () => {
    const one = await taskVolume(layer, installation, 'folder', 'node-2');
    const all = await taskVolume(layer, installation, 'packed');
    await cp(join(EXAMPLES, 'log-triage'), join(one, 'suite/log-triage'), { recursive: true });
    const packed = join(all, 'tasks.tar');
    const made = await clawgym('tasks', 'import', join(EXAMPLES, 'log-triage'), '--out', packed);
    expect(made).toMatchObject({ code: 0 });
    await apply([
      onVolume('from-folder', 'folder', 'suite'),
      onVolume('from-file', 'packed', 'tasks.tar'),
      onVolume('from-nothing', 'packed', 'absent'),
      onVolume('without-claim', 'none', 'tasks.tar'),
    ]);
    const ended = await Promise.all(
      ['from-folder', 'from-file'].map((name) => installation.finished('rolloutbatch', name, 120)),
    );
    const [folderSet, fileSet] = ended.map((each) => zBatch.parse(each).status);
    expect(folderSet).toMatchObject({ outcomes: [{ outcome: 'scored', count: 1 }] });
    // The same tasks are the same set, in whatever form they lie there.
    expect(fileSet?.taskSet).toBe(folderSet?.taskSet);
    const planned = async (name: string): Promise<string> => {
      const path = '{.status.conditions[?(@.type=="Planned")]';
      const output = `jsonpath=${path}.reason}: ${path}.message}`;
      return await installation.kubectl(['get', 'rolloutbatch', name, '-o', output]);
    };
    expect(await planned('from-nothing')).toBe(
      'SourceNotFound: spec.tasks.persistentVolumeClaim: packed, path "absent": the volume has no such file or folder',
    );
    expect(await planned('without-claim')).toMatch(
      /^SourceNotFound: .*: there is no PersistentVolumeClaim \S+\/none; create it$/,
    );
    const left = ['get', 'pods', '-o', 'name', '-l', 'app.kubernetes.io/name=clawgym-import'];
    expect(await installation.kubectl(left)).toBe('');
    await installation.kubectl(['delete', 'rolloutbatch', 'from-nothing', 'without-claim']);
  });
});

describe('a release', () => {
  // Whichever of its tests runs alone, the tasks are there.
  beforeAll(async () => {
    const tasks = join(ROOT, 'deploy/samples/quickstart/example-tasks.yaml');
    await installation.kubectl(['apply', '--filename', tasks]);
  });
  const decided = async (name = BATCH.metadata.name): Promise<number> => {
    const batch = zBatch.parse(await installation.get('rolloutbatch', name));
    return batch.status.rollouts?.decided ?? 0;
  };
  /** Images that the pods of both programs run, and that sandboxes are to have. */
  const images = async (): Promise<readonly string[]> => {
    const path = '{range .items[*]}{.spec.containers[0].image}{" "}{end}';
    const pods = ['get', 'pods', '-l', `${LABEL},app.kubernetes.io/component in (operator,server)`];
    return (await installation.kubectl([...pods, '-o', `jsonpath=${path}`])).trim().split(' ');
  };
  const programs = (tag?: string) =>
    (['operator', 'server'] as const).map((name) => imageReference(name, tag));
  /** Resolves once more are decided than when the release changed, while others are not. */
  const goesOn = async (name: string, planned: number): Promise<void> => {
    const before = await decided(name);
    await waitUntil(async () => (await decided(name)) > before, {
      what: `more than ${before} are decided`,
      seconds: 180,
    });
    expect(await decided(name)).toBeLessThan(planned);
  };

  test('is upgraded to another tag and rolled back in the middle of a batch, which counts nothing twice', async () => {
    await tagImages(layer, ['operator', 'server', 'runner'], NEXT_TAG);
    const { name } = BATCH.metadata;
    const manifest = { ...BATCH, spec: { ...BATCH.spec, samples: 3 } };
    await installation.kubectl(['apply', '--filename', '-'], JSON.stringify(manifest));
    await goesOn(name, 12);
    await installation.upgrade([`image.tag=${NEXT_TAG}`]);
    await installation.ready();
    await expect.poll(images, { timeout: 60_000 }).toEqual(programs(NEXT_TAG));
    await goesOn(name, 12);
    await installation.rollback();
    await installation.ready();
    await expect.poll(images, { timeout: 60_000 }).toEqual(programs());
    const ended = await installation.finished('rolloutbatch', name, 240);
    expect(zBatch.parse(ended).status).toMatchObject({
      rollouts: { planned: 12, decided: 12 },
      outcomes: [{ outcome: 'scored', count: 12 }],
      // One each: the pods of before go on beside the new programs.
      attempts: 12,
    });
    const list = await clawgym('get', 'rollouts', name, ...cluster);
    expect(list.stdout.match(/scored +1\.0000/g)).toHaveLength(12);
  }, 600_000);

  test('is killed in the middle of a batch, operator and server, and loses no attempt', async () => {
    const name = 'through-kills';
    const manifest = JSON.stringify({ ...BATCH, metadata: { name } });
    await installation.kubectl(['create', '--filename', '-'], manifest);
    const killer = new Killer({ layer, installation }, seededRandom(1));
    await waitUntil(async () => (await decided(name)) >= 1, { what: 'one', seconds: 120 });
    await killer.kill('operator');
    await waitUntil(async () => (await decided(name)) >= 2, { what: 'two', seconds: 180 });
    await killer.kill('server');
    const ended = await installation.finished('rolloutbatch', name, 240);
    expect(zBatch.parse(ended).status).toMatchObject({
      rollouts: { planned: 4, decided: 4 },
      outcomes: [{ outcome: 'scored', count: 4 }],
      attempts: 4,
    });
    await installation.kubectl(['delete', 'rolloutbatch', name]);
    const kept = await clawgym('get', 'rollouts', name, ...cluster);
    expect(kept.stderr).toContain(`${name} was deleted (uid `);
    expect(kept.stdout.match(/scored +1\.0000/g)).toHaveLength(4);
  }, 600_000);

  test('leaves records, kinds and objects when it is uninstalled', async () => {
    const flags = ['--namespace', namespace, '--kubeconfig', layer.cluster.kubeconfigPath];
    await installation.helm.run(['uninstall', RELEASE, '--wait', ...flags]);
    const ours = ['get', 'all,secret,configmap,role', '-o', 'name', '-l', LABEL];
    const gone = async (): Promise<boolean> => (await installation.kubectl(ours)) === '';
    await waitUntil(gone, { what: 'everything of the release is gone', seconds: 90 });
    const kept = ['get', 'persistentvolumeclaim,rolloutbatch,benchrun', '-o', 'name'];
    expect(await installation.kubectl(kept)).toMatch(
      /data-clawgym-server-0.*through-upgrades.*quickstart/s,
    );
  });
});
