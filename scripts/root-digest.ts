import { readFileSync } from 'node:fs';
import {
  installedPackages,
  rootIdentity,
  runnerRootRecipe,
} from '../src/engines/local/sandbox/runner-root-recipe.ts';

/**
 * Prints the identity that the local engine gives to a root file system with the packages of this
 * dpkg status file. The images carry it, so that runs on both engines show whether they were graded
 * with the same programs.
 */
const [statusFile = '/var/lib/dpkg/status'] = process.argv.slice(2);
const packages = installedPackages(readFileSync(statusFile, 'utf8'));
process.stdout.write(`${rootIdentity(runnerRootRecipe(process.arch), packages)}\n`);
