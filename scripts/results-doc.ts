import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { resultsPage } from './results-page.ts';

/** `node scripts/results-doc.ts [--check]`: writes docs/reference/results.md, or says that it drifted. */
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const path = fileURLToPath(new URL('../docs/reference/results.md', import.meta.url));
const page = resultsPage();
if (!values.check) await writeFile(path, page);
else if ((await readFile(path, 'utf8').catch(() => '')) !== page) {
  process.stderr.write(
    'docs/reference/results.md is not what the schema says: run node scripts/results-doc.ts\n',
  );
  process.exitCode = 1;
}
