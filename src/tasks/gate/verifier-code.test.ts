import { expect, test } from 'vitest';
import { sha256 } from '../../base/digest.ts';
import { type VerifierText, verifierCode } from './verifier-code.ts';

const file = (path: string, text: string): VerifierText => ({
  text,
  file: { path, digest: sha256(Buffer.from(text)), size: text.length, executable: false },
});
const codeOf = (...files: VerifierText[]): string[] =>
  verifierCode('check.py', files).map(({ path }) => path);

test('what is imported or started is code, at any indent; the rest is data', () => {
  const check = file('check.py', 'x = 1\n\n    import helper\n# data.py\nos.system("sh run.sh")\n');
  expect(codeOf(check, file('helper.py', ''), file('run.sh', ''), file('data.py', ''))).toEqual([
    'check.py',
    'helper.py',
    'run.sh',
  ]);
});

test('a verifier of line breaks is read in time that grows with its length', () => {
  const started = performance.now();
  expect(codeOf(file('check.py', '\n'.repeat(1_000_000)), file('helper.py', ''))).toEqual([
    'check.py',
  ]);
  // Each line break as a start of the search for the others takes minutes.
  expect(performance.now() - started).toBeLessThan(10_000);
});
