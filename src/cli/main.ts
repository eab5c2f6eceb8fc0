import { enableCompileCache } from 'node:module';
import { runCli } from './run-cli.ts';

enableCompileCache();
process.exitCode = await runCli(process.argv);
