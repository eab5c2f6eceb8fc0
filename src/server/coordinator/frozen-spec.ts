import { z } from 'zod';
import { immutableChanges } from '../../api/immutability.ts';
import { quantityMiB, quantityMillis } from '../../api/quantity.ts';
import { type RolloutBatch, rolloutBatch } from '../../api/rollout-batch.ts';
import { isRecord, parseJson, type Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import { zSha256 } from '../../protocol/fields.ts';
import type { BatchRow } from '../../store/records.ts';
import { type BatchSettings, batchSettings, plainBudgets } from '../planning/batch-settings.ts';

export type BatchSpec = RolloutBatch['spec'];

const zFrozen = z.object({
  namespace: z.string(),
  name: z.string(),
  /** The harness as it was when the batch was planned. */
  agent: z.object({ name: z.string(), version: z.string(), configDigest: zSha256 }),
  spec: z.unknown(),
});

/** What `BatchRow.spec` holds of a batch in a cluster. */
export interface FrozenSpec {
  readonly namespace: string;
  readonly name: string;
  readonly agent: {
    readonly name: string;
    readonly version: string;
    readonly configDigest: Sha256;
  };
  readonly spec: BatchSpec;
}

/** RolloutBatch.spec with defaults. Throws `InvalidManifest` with the fields. */
export function parseBatchSpec(name: string, spec: unknown): BatchSpec {
  const { apiVersion } = rolloutBatch;
  const object = { apiVersion, kind: 'RolloutBatch', metadata: { name }, spec };
  const parsed = rolloutBatch.schema.safeParse(object);
  if (parsed.success) return parsed.data.spec;
  const issues = z.prettifyError(parsed.error).slice(0, 2000);
  throw new ClawError('InvalidManifest', `RolloutBatch ${name}: ${issues}`);
}

export function frozenText(frozen: FrozenSpec): string {
  return canonicalJson(frozen);
}

/** Undefined for the batch of a local run, which has another spec. */
export function readFrozen({ spec: text }: Pick<BatchRow, 'spec'>): FrozenSpec | undefined {
  const value = parseJson(text);
  if (!isRecord(value) || value['namespace'] === undefined) return undefined;
  const { spec, ...rest } = zFrozen.parse(value);
  return { ...rest, spec: parseBatchSpec(rest.name, spec) };
}

/**
 * Digest of everything that decides results, as for a local run: what steers a run (parallelism,
 * retries, deadlines) is no part of it, nor is where the tasks came from.
 */
export function decidingDigest({ agent, spec }: FrozenSpec, taskSet: Sha256): Sha256 {
  const { retries: _retries, gatewayLossSeconds: _loss, ...settings } = clusterSettings(spec);
  const deciding = {
    agent,
    model: spec.model,
    samples: spec.samples,
    settings,
    taskSet,
    taskIds: spec.tasks.taskIds,
  };
  return sha256(canonicalJson(deciding));
}

/** Throws `Conflict` where the spec differs from the stored one in a field that cannot change. */
export function refuseOtherSpec(stored: FrozenSpec, asked: BatchSpec): void {
  const changed = immutableChanges(rolloutBatch, stored.spec, asked);
  if (changed.length === 0) return;
  throw new ClawError(
    'Conflict',
    `RolloutBatch ${stored.namespace}/${stored.name} was planned with another ${changed.map((field) => `spec.${field}`).join(', ')}; results of different specs are never mixed: make a new RolloutBatch`,
  );
}

/** The settings that both engines know, with the sandbox's resources as further defaults. */
export function clusterSettings(spec: BatchSpec): BatchSettings {
  const settings = batchSettings(spec);
  const { limits, sandbox, budgets } = spec;
  const asked = sandbox.resources;
  return {
    ...settings,
    budgets: plainBudgets(budgets),
    limits: {
      pids: settings.limits.pids,
      cpuMillis: limits.cpuMillis ?? quantityMillis(asked?.cpu) ?? settings.limits.cpuMillis,
      memoryMiB: limits.memoryMiB ?? quantityMiB(asked?.memory) ?? settings.limits.memoryMiB,
      diskMiB: limits.diskMiB ?? quantityMiB(asked?.ephemeralStorage) ?? settings.limits.diskMiB,
    },
  };
}
