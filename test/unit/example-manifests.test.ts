import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KINDS } from '../../src/api/kinds.ts';
import { formatProblem } from '../../src/api/manifest-problem.ts';
import { parseManifest } from '../../src/api/parse-manifest.ts';
import { crdSchema, serverVerdict } from '../support/server-verdict.ts';

const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples');
const manifests = ['.', 'manifests', 'full-circle'].flatMap((folder) =>
  readdirSync(join(EXAMPLES, folder))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(folder, name)),
);

test('there are example manifests', () => {
  expect(manifests).not.toEqual([]);
});

test.each(manifests)('%s is accepted by the local reader and by the CRDs', (name) => {
  const manifest = parseManifest(readFileSync(join(EXAMPLES, name), 'utf8'), name);
  expect(manifest.problems.map(formatProblem)).toEqual([]);
  for (const object of manifest.objects) {
    expect(serverVerdict(crdSchema(KINDS[object.kind]), object)).toEqual([]);
  }
});
