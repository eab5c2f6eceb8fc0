import { asBatchId, type BatchId } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { ClawError } from '../../base/error.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import {
  type StepGroup,
  type TokenBatch,
  type TokenBatchIndex,
  tokenBatch,
} from '../../trajectories/tokens/token-batch.ts';
import type { WantedBatch } from './rl-run.ts';
import { type CutAnswers, type GroupOptions, type StepSource, stepGroups } from './step-groups.ts';
import type { FrozenStep } from './step-notes.ts';

/** What the trainer must agree with before it uses a batch. */
export interface SampledBy {
  readonly templateSha256: string;
  readonly tokenizerSha256: string;
  /** As the requests had them. */
  readonly temperature: string;
  readonly topP: string;
}

export interface FreezeOptions {
  readonly number: number;
  /** Where the rollouts are kept; absent: under the name of the batch. */
  readonly batchId?: BatchId | undefined;
  readonly minSamples: number;
  /** Longest row that the trainer takes; a rollout with a longer one cannot be trained on. */
  readonly maxRowTokens: number;
  /** Of the spec's `rl.algorithm`. */
  readonly cutAnswers: CutAnswers;
  /** What says the version of a sampled token. */
  readonly versionOf?: GroupOptions['versionOf'];
  readonly sampledBy: SampledBy;
  /** For controls: other rewards than the verifier's. Absent: the verifier's. */
  readonly reshape?: ((groups: readonly StepGroup[]) => readonly StepGroup[]) | undefined;
}

/** The index that the trainer gets (docs/reference/rl-tokens.md). */
export type ServedIndex = TokenBatchIndex &
  SampledBy & {
    readonly number: number;
    readonly policyVersion: number;
    readonly tokens: { readonly sha256: string; readonly bytes: number };
  };

/**
 * Freezes a decided step: its token batch as artifacts, and the facts of it. The same decisions give the
 * same bytes, so a crash before the facts are kept costs nothing. Throws `Conflict` where a trained
 * token was sampled by another policy version than the step's.
 */
export async function freezeStep(
  wanted: WantedBatch,
  source: StepSource & { readonly artifacts: Pick<ArtifactStore, 'read' | 'put'> },
  { number, minSamples, maxRowTokens, cutAnswers, sampledBy, reshape, ...options }: FreezeOptions,
): Promise<FrozenStep> {
  const { policyVersion, step } = wanted;
  const { batchId = asBatchId(wanted.name), versionOf } = options;
  const found = await stepGroups(batchId, { policyVersion, cutAnswers, versionOf }, source);
  const rewarded = reshape?.(found) ?? found;
  const batch = tokenBatch(
    rewarded.map((group) => withoutLongRows(group, maxRowTokens)),
    minSamples,
  );
  refuseOtherVersions(wanted, batch.index);
  const facts = { step, policyVersion, ...factsOf(found, batch.index) };
  if (batch.index.rollouts.length === 0) return facts;
  const tokens = await keepTokens(batch, source.artifacts);
  const index: ServedIndex = { ...batch.index, ...sampledBy, number, policyVersion, tokens };
  const kept = await source.artifacts.put(Buffer.from(canonicalJson(index)));
  return { ...facts, number, tokens, index: kept.digest };
}

/** Its reward stays in the mean of the others: only its own tokens are left out. */
function withoutLongRows(group: StepGroup, maxRowTokens: number): StepGroup {
  const rollouts = group.rollouts.map((rollout) =>
    rollout.rows.some(({ ids }) => ids.length > maxRowTokens) ? { ...rollout, rows: [] } : rollout,
  );
  return { ...group, rollouts };
}

async function keepTokens({ tensors }: TokenBatch, artifacts: Pick<ArtifactStore, 'put'>) {
  const { digest, size } = await artifacts.put(tensors);
  return { sha256: digest, bytes: size };
}

function refuseOtherVersions({ name, policyVersion }: WantedBatch, index: TokenBatchIndex): void {
  const other = index.rollouts.find(({ versions }) => versions.some((v) => v !== policyVersion));
  if (other === undefined) return;
  throw new ClawError(
    'Conflict',
    `batch ${name}: rollout ${other.rollout} has tokens of policy versions ${other.versions.join(' to ')}, and its step samples with version ${policyVersion} only`,
  );
}

function factsOf(groups: readonly StepGroup[], index: TokenBatchIndex) {
  const count = (verdict: string): number =>
    index.groups.filter((group) => group.verdict === verdict).length;
  const rollouts = groups.flatMap((group) => group.rollouts);
  const rewards = rollouts.flatMap(({ reward }) => reward ?? []);
  const sum = rewards.reduce((total, reward) => total + reward, 0);
  return {
    groups: { taken: count('taken'), noVariance: count('noVariance'), tooFew: count('tooFew') },
    rollouts: {
      all: rollouts.length,
      rewarded: rewards.length,
      withoutTokens: index.withoutTokens,
      trained: index.rollouts.length,
    },
    cutAnswers: index.cutAnswers,
    reward: rewards.length === 0 ? null : sum / rewards.length,
    trainedTokens: index.rollouts.reduce((total, { trainedTokens }) => total + trainedTokens, 0),
  };
}
