import { harnessContract } from '../support/harness-contract.ts';

harnessContract({
  name: 'pi',
  shell: 'bash',
  tools: ['bash', 'edit', 'read', 'write'],
  prompt: (text) => text.trim(),
});
