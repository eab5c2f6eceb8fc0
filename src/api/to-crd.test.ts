import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { expect, test } from 'vitest';
import { KINDS } from './kinds.ts';
import { lintSchema } from './structural-lint.ts';
import { crdFileName, renderCrd, toCrd } from './to-crd.ts';

const CRDS = join(import.meta.dirname, '..', '..', 'crds');

test.each(Object.values(KINDS))('the committed CRD of $kind is what src/api says', (resource) => {
  const committed = readFileSync(join(CRDS, crdFileName(resource)), 'utf8');
  expect(committed, 'run: npm run generate').toBe(renderCrd(resource));
});

test.each(Object.values(KINDS))(
  'the CRD of $kind is structural, bounded and described',
  (resource) => {
    for (const version of toCrd(resource).spec.versions) {
      expect(lintSchema(version.schema.openAPIV3Schema)).toEqual([]);
    }
  },
);

test('the YAML form loses nothing', () => {
  expect(load(renderCrd(KINDS.BenchRun))).toEqual(
    JSON.parse(JSON.stringify(toCrd(KINDS.BenchRun))),
  );
});

test('columns and names are what users type and see', () => {
  const summary = Object.values(KINDS).map((resource) => {
    const { names, versions } = toCrd(resource).spec;
    return {
      names,
      columns: versions[0]?.additionalPrinterColumns.map((column) => column.name),
    };
  });
  expect(summary).toMatchInlineSnapshot(`
    [
      {
        "columns": [
          "Ready",
          "Gates",
          "Reason",
          "Category",
          "Digest",
          "Age",
        ],
        "names": {
          "categories": [
            "clawgym",
          ],
          "kind": "ClawTask",
          "listKind": "ClawTaskList",
          "plural": "clawtasks",
          "shortNames": [
            "ctask",
          ],
          "singular": "clawtask",
        },
      },
      {
        "columns": [
          "Done",
          "Active",
          "Missing",
          "Status",
          "Agent",
          "Model",
          "Queue",
          "Age",
        ],
        "names": {
          "categories": [
            "clawgym",
          ],
          "kind": "RolloutBatch",
          "listKind": "RolloutBatchList",
          "plural": "rolloutbatches",
          "shortNames": [
            "rbatch",
          ],
          "singular": "rolloutbatch",
        },
      },
      {
        "columns": [
          "Score",
          "Coverage",
          "Status",
          "Done",
          "Age",
        ],
        "names": {
          "categories": [
            "clawgym",
          ],
          "kind": "BenchRun",
          "listKind": "BenchRunList",
          "plural": "benchruns",
          "shortNames": [
            "bench",
          ],
          "singular": "benchrun",
        },
      },
      {
        "columns": [
          "Accepted",
          "Records",
          "Status",
          "Task Set",
          "Age",
        ],
        "names": {
          "categories": [
            "clawgym",
          ],
          "kind": "SynthesisJob",
          "listKind": "SynthesisJobList",
          "plural": "synthesisjobs",
          "shortNames": [
            "synth",
          ],
          "singular": "synthesisjob",
        },
      },
      {
        "columns": [
          "Step",
          "Loss",
          "Reward",
          "Status",
          "Model",
          "Queue",
          "Age",
        ],
        "names": {
          "categories": [
            "clawgym",
          ],
          "kind": "TrainingRun",
          "listKind": "TrainingRunList",
          "plural": "trainingruns",
          "shortNames": [
            "trun",
          ],
          "singular": "trainingrun",
        },
      },
      {
        "columns": [
          "Contract",
          "Image",
          "Age",
        ],
        "names": {
          "categories": [
            "clawgym",
          ],
          "kind": "TrainingRuntime",
          "listKind": "TrainingRuntimeList",
          "plural": "trainingruntimes",
          "shortNames": [
            "truntime",
          ],
          "singular": "trainingruntime",
        },
      },
      {
        "columns": [
          "Contract",
          "Image",
          "Age",
        ],
        "names": {
          "categories": [],
          "kind": "ClusterTrainingRuntime",
          "listKind": "ClusterTrainingRuntimeList",
          "plural": "clustertrainingruntimes",
          "shortNames": [
            "ctruntime",
          ],
          "singular": "clustertrainingruntime",
        },
      },
    ]
  `);
});

test('every kind stays below 200 KiB, far from the size limit of an object', () => {
  for (const resource of Object.values(KINDS))
    expect(renderCrd(resource).length).toBeLessThan(204_800);
});
