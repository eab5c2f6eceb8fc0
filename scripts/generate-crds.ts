import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { KINDS } from '../src/api/kinds.ts';
import { lintSchema } from '../src/api/structural-lint.ts';
import { crdFileName, renderCrd, toCrd } from '../src/api/to-crd.ts';
import { aggregatedRoles, crdTemplate } from './crd-chart.ts';
import { type GeneratedFile, runGenerator } from './generated-file.ts';

/**
 * Writes crds/*.yaml and the templates of charts/clawgym-crds from src/api; `--check` fails on drift,
 * on lint and on left-over files.
 */
async function main(argv: readonly string[]): Promise<number> {
  const root = join(import.meta.dirname, '..');
  const folder = join(root, 'crds');
  const templates = join(root, 'charts/clawgym-crds/templates');
  const files: GeneratedFile[] = [];
  let faults = 0;
  for (const resource of Object.values(KINDS)) {
    for (const version of toCrd(resource).spec.versions) {
      for (const finding of lintSchema(version.schema.openAPIV3Schema)) {
        console.error(`${resource.kind}${finding.path} ${finding.message}`);
        faults += 1;
      }
    }
    const name = crdFileName(resource);
    files.push({ path: join(folder, name), content: renderCrd(resource) });
    files.push({ path: join(templates, name), content: crdTemplate(resource) });
  }
  files.push({
    path: join(templates, 'cluster-roles.yaml'),
    content: aggregatedRoles(Object.values(KINDS)),
  });
  const known = new Set(files.map((file) => file.path));
  for (const place of [folder, templates]) {
    for (const name of await readdir(place).catch(() => [])) {
      if (!name.endsWith('.yaml') || known.has(join(place, name))) continue;
      console.error(`${relative(root, join(place, name))} belongs to no kind: delete it`);
      faults += 1;
    }
  }
  if (faults > 0) return 1;
  const check = argv.includes('--check');
  return runGenerator(root, files, { check, command: 'npm run generate' });
}

process.exitCode = await main(process.argv.slice(2));
