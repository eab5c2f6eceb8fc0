import { openTestSandbox, spec } from './sandbox-host.ts';

/** Stands for an engine that dies: runs its first argument as a script in a sandbox. */
const sandbox = await openTestSandbox();
await sandbox.run(
  spec(process.argv[2] ?? '', { name: 'crash', deadlineSeconds: 60 }),
  new AbortController().signal,
);
