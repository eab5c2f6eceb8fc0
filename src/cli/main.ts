import { enableCompileCache } from 'node:module';
import { outliveReaders } from './broken-pipe.ts';
import { runCli } from './run-cli.ts';

enableCompileCache();
outliveReaders([process.stdout, process.stderr]);
process.exitCode = await runCli(process.argv);
