import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { outliveReaders } from './broken-pipe.ts';
import { cliEnvironment } from './environment.ts';

// Sandboxes run under another uid and must be able to read what is laid out for them.
process.umask(0o022);
// Before anything else is imported: what is loaded earlier is compiled at every start.
enableCompileCache(join(cliEnvironment().cacheDir, 'compiled'));
outliveReaders([process.stdout, process.stderr]);
const { runCli } = await import('./run-cli.ts');
process.exitCode = await runCli(process.argv);
