import { enableCompileCache } from 'node:module';
import { outliveReaders } from './broken-pipe.ts';
import { runCli } from './run-cli.ts';

// Sandboxes run under another uid and must be able to read what is laid out for them.
process.umask(0o022);
enableCompileCache();
outliveReaders([process.stdout, process.stderr]);
process.exitCode = await runCli(process.argv);
