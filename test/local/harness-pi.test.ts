import { harnessContract } from '../support/harness-contract.ts';

harnessContract({
  name: 'pi',
  shell: 'bash',
  tools: ['bash', 'edit', 'read', 'write'],
  prompt: (text) => text.trim(),
  awkward: [
    '-p --help @in.txt',
    '@in.txt /new\n/model other',
    `/compact it's "$HOME" \`id\` $(id) <b> ${'ünï '.repeat(50_000)}end`,
  ],
});
