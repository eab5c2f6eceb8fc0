import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { findDrift } from '../../scripts/generated-file.ts';
import { sampleSeeds } from '../../scripts/sample-seeds.ts';
import { sampleTasks } from '../../scripts/sample-tasks.ts';
import { KINDS } from '../../src/api/kinds.ts';
import { loadDocument, splitDocuments } from '../../src/api/kube-yaml.ts';
import { formatProblem } from '../../src/api/manifest-problem.ts';
import { parseManifest } from '../../src/api/parse-manifest.ts';
import { parseJson } from '../../src/base/brand.ts';
import { loadSeeds } from '../../src/synthesis/seeds/load-seeds.ts';
import { crdSchema, serverVerdict } from '../support/server-verdict.ts';
import { strictProblems } from '../support/strict-objects.ts';

const ROOT = join(import.meta.dirname, '../..');
const SAMPLES = join(ROOT, 'deploy/samples');
const files = readdirSync(SAMPLES, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.yaml'));

const zConfigMap = z.object({
  metadata: z.object({ name: z.string() }),
  data: z.record(z.string(), z.string()),
});

test('there is a sample of every kind', () => {
  const kinds = files.flatMap((name) =>
    splitDocuments(readFileSync(join(SAMPLES, name), 'utf8')).map(
      ({ text }) => /^kind: (\w+)$/m.exec(text)?.[1],
    ),
  );
  for (const kind of [...Object.keys(KINDS), 'Secret', 'ConfigMap']) expect(kinds).toContain(kind);
});

test.each(files)('%s is what the API server takes', (name) => {
  const text = readFileSync(join(SAMPLES, name), 'utf8');
  for (const document of splitDocuments(text)) {
    const object = loadDocument(document.text);
    if (!document.text.includes('apiVersion: clawgym.io/')) {
      expect(strictProblems(object)).toEqual([]);
      continue;
    }
    const { problems, objects } = parseManifest(document.text, name);
    expect(problems.map(formatProblem)).toEqual([]);
    for (const ours of objects) {
      expect(serverVerdict(crdSchema(KINDS[ours.kind]), object)).toEqual([]);
    }
  }
});

const objects = files.flatMap((name) =>
  splitDocuments(readFileSync(join(SAMPLES, name), 'utf8')).flatMap(
    ({ text }) => parseManifest(text, name).objects,
  ),
);

test('the sample runtimes start the trainers of the chart, each that of its contract', () => {
  const module = { 'sft/v1': 'clawgym_trainer.sft', 'rl-tokens/v1': 'clawgym_trainer.token_grpo' };
  const image = readFileSync(join(ROOT, 'deploy/images/trainer.Dockerfile'), 'utf8');
  const [, own = ''] = /^FROM \S+ AS trainer-cuda$[\s\S]*^ENTRYPOINT (\[.*\])$/m.exec(image) ?? [];
  const chart = readFileSync(join(ROOT, 'charts/clawgym/templates/training-runtimes.yaml'), 'utf8');
  const started = objects.flatMap((object) => {
    if (object.kind !== 'TrainingRuntime' && object.kind !== 'ClusterTrainingRuntime') return [];
    const { contract, trainer, policyServer } = object.spec;
    // That of vLLM only serves: nobody names it for a training.
    if (policyServer?.command !== undefined) return [];
    const command = trainer.command ?? parseJson(own);
    expect(command).toEqual(['python', '-m', module[contract]]);
    expect(chart).toContain(`"${module[contract]}"`);
    return [`${object.kind} ${object.metadata.name}`];
  });
  expect(started).toEqual([
    'ClusterTrainingRuntime sft',
    'ClusterTrainingRuntime rl',
    'TrainingRuntime sft-cpu',
  ]);
});

test('the sample of vLLM names no length: above that of a model it would not start', () => {
  const commands = objects.flatMap((object) =>
    object.kind === 'ClusterTrainingRuntime' && object.metadata.name === 'vllm'
      ? [(object.spec.policyServer?.command ?? []).join(' ')]
      : [],
  );
  expect(commands).toEqual([expect.stringContaining('vllm serve "$POLICY_MODEL"')]);
  expect(commands.join()).not.toContain('--max-model-len');
});

test('runtimes that sample runs name are among the samples', () => {
  const served = objects.flatMap((object) =>
    object.kind === 'ClusterTrainingRuntime' && object.spec.policyServer !== undefined
      ? [object.metadata.name]
      : [],
  );
  const named = objects.flatMap((object) =>
    object.kind === 'BenchRun'
      ? object.spec.arms.flatMap(({ model }) => model?.runtimeRef?.name ?? [])
      : [],
  );
  expect(named).toHaveLength(7);
  for (const name of named) expect(served).toContain(name);
});

test('the sample tasks and seeds are those of the product', async () => {
  expect(await findDrift(ROOT, [await sampleTasks(ROOT), await sampleSeeds(ROOT)])).toEqual([]);
});

test('practice and exam of the circle on GPUs share no persona and no skill', async () => {
  const text = readFileSync(join(SAMPLES, 'full-circle-gpu/00-seeds.yaml'), 'utf8');
  const maps = new Map(
    splitDocuments(text).map((document) => {
      const { metadata, data } = zConfigMap.parse(loadDocument(document.text));
      return [metadata.name, data];
    }),
  );
  const used = async (job: string): Promise<readonly string[]> => {
    const found = objects.find(({ metadata }) => metadata.name === job);
    if (found?.kind !== 'SynthesisJob') throw new Error(`no SynthesisJob ${job}`);
    const { personas, skills } = found.spec.routes;
    const people = personas?.source?.configMap;
    const able = skills?.source?.configMap?.name ?? '';
    const seeds = await loadSeeds({
      texts: {
        personas: { place: job, text: maps.get(people?.name ?? '')?.[people?.key ?? ''] ?? '' },
        skills: { place: job, texts: maps.get(able) ?? {} },
      },
    });
    return [...seeds.personas, ...seeds.skills].map(({ id }) => id);
  };
  const [practice, exam] = [await used('office-practice'), await used('office-exam')];
  expect([practice.length, exam.length]).toEqual([90 + 9, 15 + 4]);
  const { personas, skills } = await loadSeeds();
  const all = [...personas, ...skills].map(({ id }) => id);
  expect([...practice, ...exam].toSorted()).toEqual(all.toSorted());
});

test('the sample tasks fit into what kubectl apply remembers of an object', () => {
  const text = readFileSync(join(SAMPLES, 'quickstart/example-tasks.yaml'), 'utf8');
  // kubectl keeps the object as JSON in an annotation, and all annotations have 256 KiB together.
  expect(JSON.stringify(loadDocument(text)).length).toBeLessThan(240 * 1024);
});
