import { enableCompileCache } from 'node:module';

// The engine's own cache, where it has one: a host starts with every command.
const [, , compileCache] = process.argv;
if (compileCache !== undefined) enableCompileCache(compileCache);
const { serveSandboxHost } = await import('./host-process.ts');
serveSandboxHost();
