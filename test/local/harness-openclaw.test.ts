import { harnessContract } from '../support/harness-contract.ts';

harnessContract({
  name: 'openclaw',
  shell: 'exec',
  tools: ['edit', 'exec', 'read', 'write'],
  prompt: (text) => `[Thu 2026-01-01 00:00 UTC] ${text}`,
  awkward: [
    `/new -p --help @in.txt /model other MEDIA:in.txt
it's "$HOME" \`id\` $(id) <b> ${'ünï '.repeat(50_000)}end`,
  ],
});
