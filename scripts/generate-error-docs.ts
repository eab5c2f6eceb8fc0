import { join } from 'node:path';
import { RUNTIME_ERROR_CODES } from '../operator/kube/base/kube-error.ts';
import { ERROR_CODES } from '../src/base/error.ts';
import { runGenerator } from './generated-file.ts';

/** The page of error codes. */
function errorsPage(): string {
  return `<!-- Generated from src/base/error.ts and operator/kube/base/kube-error.ts by \`npm run generate\`; do not edit. -->

# Error codes

Every error of the product carries one of these codes. The message names the place, the offending
value, what was expected and, where there is one, the next step.

${codeTable(ERROR_CODES)}

## Kubernetes runtime

Errors of \`operator/kube\` (\`KubeError\`) carry the reason of the API server's Status where it gave
one: \`NotFound\`, \`AlreadyExists\`, \`Conflict\`, \`Invalid\`, \`Forbidden\`, \`Unauthorized\`,
\`Expired\` (list again), \`TooManyRequests\` and the others of the Kubernetes API conventions. Beside
them are the runtime's own:

${codeTable(RUNTIME_ERROR_CODES)}
`;
}

function codeTable(codes: Readonly<Record<string, string>>): string {
  const rows = Object.entries(codes)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, sentence]) => `| \`${code}\` | ${sentence.replaceAll('|', '\\|')} |`);
  return ['| code | meaning |', '|---|---|', ...rows].join('\n');
}

const root = join(import.meta.dirname, '..');
const page = { path: join(root, 'docs', 'reference', 'errors.md'), content: errorsPage() };
const check = process.argv.includes('--check');
process.exitCode = await runGenerator(root, [page], { check, command: 'npm run generate' });
