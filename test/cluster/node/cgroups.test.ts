import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../support/temp-dir.ts';
import { Ledger } from '../ledger.ts';
import { cgroupPaths, createCgroupParent } from './cgroups.ts';

const NAME = 'cluster-node-1';

test('cgroup v1: one parent in every hierarchy, its cpuset filled, all recorded', async () => {
  await using folder = await tempDir();
  const root = join(folder.path, 'cgroup');
  for (const controller of ['memory', 'cpuset', 'unified']) {
    mkdirSync(join(root, controller, NAME), { recursive: true });
  }
  // The kernel makes these files with the folder.
  writeFileSync(join(root, 'cpuset/cpuset.cpus'), '0-1\n');
  writeFileSync(join(root, 'cpuset', NAME, 'cpuset.cpus'), '');
  const ledger = new Ledger(folder.path);
  createCgroupParent(NAME, ledger, root);
  const paths = ['cpuset', 'memory', 'unified'].map((controller) => join(root, controller, NAME));
  expect(ledger.entries()).toEqual(paths.map((path) => ({ kind: 'cgroup', path })));
  expect(cgroupPaths(NAME, root)).toEqual(paths);
  expect(readFileSync(join(root, 'cpuset', NAME, 'cpuset.cpus'), 'utf8')).toBe('0-1\n');
});

test('cgroup v2: one parent, to which all controllers are handed on', async () => {
  await using folder = await tempDir();
  const root = join(folder.path, 'cgroup');
  mkdirSync(root);
  writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory pids\n');
  createCgroupParent(NAME, new Ledger(folder.path), root);
  for (const path of [root, join(root, NAME)]) {
    const handedOn = readFileSync(join(path, 'cgroup.subtree_control'), 'utf8');
    expect(handedOn).toBe('+cpu +memory +pids');
  }
  expect(cgroupPaths(NAME, root)).toEqual([join(root, NAME)]);
  expect(existsSync(join(root, NAME, 'cpuset.cpus'))).toBe(false);
});
