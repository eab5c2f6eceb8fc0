import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../src/base/brand.ts';
import { zLayerName, zLayerOptions } from './layer.ts';
import { isRunning, type ProcessIdentity } from './process-identity.ts';

/** Who runs the cluster of a state folder, written before anything else is in it. */
const zSupervisor = z.object({
  pid: z.number().int().positive(),
  startTicks: z.number(),
  layer: zLayerName,
});

/** How to reach a cluster that is ready; tests in other processes get it as JSON. */
export const zClusterRecord = z.object({
  layer: zLayerName,
  options: zLayerOptions,
  /** Absent for a cluster that was there before us: its programs are not ours. */
  stateFolder: z.string().optional(),
  kubeconfig: z.string(),
  kubectl: z.string(),
  facts: z.record(z.string(), z.string()),
});
export type ClusterRecord = Readonly<z.infer<typeof zClusterRecord>>;

export type SupervisorRecord = Readonly<z.infer<typeof zSupervisor>>;

const SUPERVISOR = 'supervisor.json';
const CLUSTER = 'cluster.json';

export function writeSupervisor(stateFolder: string, record: SupervisorRecord): void {
  writeFileSync(join(stateFolder, SUPERVISOR), JSON.stringify(record));
}

/** Undefined where no supervisor was recorded or its record cannot be read. */
export function readSupervisor(stateFolder: string): SupervisorRecord | undefined {
  return read(join(stateFolder, SUPERVISOR), zSupervisor);
}

/** In one step, so that a reader sees a whole record or none: with it the cluster is ready. */
export function writeClusterRecord(stateFolder: string, record: ClusterRecord): void {
  const path = join(stateFolder, CLUSTER);
  writeFileSync(`${path}.new`, JSON.stringify(record, null, 2));
  renameSync(`${path}.new`, path);
}

/** Undefined while the cluster is not ready. */
export function readClusterRecord(stateFolder: string): ClusterRecord | undefined {
  return read(join(stateFolder, CLUSTER), zClusterRecord);
}

/** Path of the socket on which the supervisor takes orders. */
export function controlSocket(stateFolder: string): string {
  return join(stateFolder, 'control.sock');
}

export function clusterName(stateFolder: string): string {
  return basename(stateFolder);
}

/** True while the supervisor of the folder runs; it removes the folder itself when it ends. */
export function isSupervised(stateFolder: string): boolean {
  const supervisor: ProcessIdentity | undefined = readSupervisor(stateFolder);
  return supervisor !== undefined && isRunning(supervisor);
}

function read<T>(path: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(parseJson(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}
