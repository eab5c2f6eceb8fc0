import { expect, test } from 'vitest';
import { type SynthesisJob, synthesisJob } from '../../api/synthesis-job.ts';
import { synthesisRequest } from './synthesis-request.ts';

const MODEL = { name: 'm', recording: { path: 'model.jsonl' } };

function job(spec: Record<string, unknown>): SynthesisJob {
  return synthesisJob.schema.parse({
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'SynthesisJob',
    metadata: { name: 'j' },
    spec: {
      target: 4,
      routes: { personas: {} },
      models: { generator: MODEL, judge: MODEL },
      ...spec,
    },
  });
}
const flags = { filename: '/jobs/j.yaml' };

test('a manifest becomes a run of this machine, paths beside it', () => {
  const routes = { personas: { source: { path: 'p.jsonl' } }, skills: { source: { path: 's' } } };
  const novelty = { against: [{ path: '../bench' }], maxSimilarity: '0.5' };
  const request = synthesisRequest(job({ routes, novelty, gates: { lazyCeiling: '0.1' } }), flags);
  expect(request).toMatchObject({
    sources: { personas: '/jobs/p.jsonl', skills: '/jobs/s' },
    against: ['/bench'],
    ...{ lazyCeiling: 0.1, maxSimilarity: 0.5, maxRecords: 40, rubric: true },
    models: { judge: { source: { kind: 'recording', path: '/jobs/model.jsonl' } } },
  });
});

const SECRET = { name: 'm', upstreamSecretRef: { name: 's' } };

test.each<[Record<string, unknown>, RegExp]>([
  [{ suspend: true }, /spec\.suspend is true/],
  [
    { routes: { personas: { source: { configMap: { name: 'a', key: 'b' } } } } },
    /routes\.personas\.source\.configMap is read in a cluster; on this machine use path/,
  ],
  [
    { routes: { skills: { source: { configMap: { name: 'a', key: 'b' } } } } },
    /routes\.skills\.source\.configMap/,
  ],
  [{ novelty: { against: [{ digest: 'a'.repeat(64) }] } }, /novelty\.against\[0\]\.digest/],
  [{ models: { generator: SECRET, judge: MODEL } }, /--base-url/],
])('%j is refused with what to do', (spec, message) => {
  expect(() => synthesisRequest(job(spec), flags)).toThrow(message);
});
