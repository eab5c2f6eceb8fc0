import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptId } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { TaskSourceBody } from '../../protocol/operator-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import type { TaskSet } from '../../tasks/task-set.ts';
import type { PodReader } from '../identity/pods.ts';
import type { ClaimDesk } from '../sandbox/claim-desk.ts';
import type { UpstreamQuestions } from '../upstreams/upstream-questions.ts';
import type { AgentImages } from './batch-agents.ts';
import { BatchDirectory } from './batch-directory.ts';
import { BenchStatistics } from './bench-results.ts';
import { Coordinator } from './coordinator.ts';
import type { DeskContext } from './desk-context.ts';
import type { DownloadRules } from './download.ts';
import { PodJudge } from './pod-judge.ts';
import { resolveWholeSource } from './resolve-source.ts';
import { RolloutDesk } from './rollout-desk.ts';
import { type CoordinatorObserver, RolloutKeeper } from './rollout-keeper.ts';
import { TaskContents } from './task-contents.ts';
import { TaskSetImports } from './task-set-imports.ts';
import { TaskSetShelf } from './task-set-shelf.ts';
import { VerifyDesk } from './verify-desk.ts';

export interface CoordinatorParts {
  readonly store: ClusterStore;
  readonly artifacts: ArtifactStore;
  readonly pods: PodReader;
  readonly images: AgentImages;
  readonly questions: Pick<UpstreamQuestions, 'look'>;
  readonly download: DownloadRules;
  /** Folder for what can be made again: opened task sets, sources on their way. */
  readonly cacheDir: string;
  readonly product: { readonly name: string; readonly version: string };
  readonly endModel: (attempt: AttemptId) => Promise<void>;
  readonly observer: CoordinatorObserver;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Unguessable. */
  readonly newNonce: () => string;
  readonly signal: AbortSignal;
}

/** The deciding half of the server: what sandboxes claim, and what the operator asks. */
export interface OpenCoordinator extends AsyncDisposable {
  readonly desk: ClaimDesk;
  readonly coordinator: Coordinator;
  readonly directory: BatchDirectory;
  readonly imports: TaskSetImports;
  readonly shelf: Pick<TaskSetShelf, 'tidy' | 'get' | 'store'>;
  /** Reads a source and keeps it as a task set; one refused task is enough to refuse it. */
  readonly resolve: (source: TaskSourceBody, signal: AbortSignal) => Promise<TaskSet>;
}

export async function openCoordinator(parts: CoordinatorParts): Promise<OpenCoordinator> {
  const { store, artifacts, clock, logger, newNonce, images, signal } = parts;
  const scratch = join(parts.cacheDir, 'sources');
  // Sources of an earlier process that was killed on its way.
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true });
  const newName = (): string => randomUUID();
  const folder = join(parts.cacheDir, 'task-sets');
  const shelf = new TaskSetShelf({ artifacts, folder, newName, signal });
  const directory = new BatchDirectory({ store, shelf, images, clock });
  const { pods, endModel, observer } = parts;
  const keeper = new RolloutKeeper({ store, directory, clock, observer, endModel });
  const judge = new PodJudge({ store, keeper, pods, clock, newNonce, endModel });
  const contents = new TaskContents(artifacts);
  const shared = { store, artifacts, directory, keeper, judge, clock };
  const imports = new TaskSetImports({ shelf, scratch, newName }, signal);
  const sources = { shelf, scratch, newName, download: parts.download };
  const coordinator = new Coordinator({
    ...{ ...shared, imports },
    statistics: new BenchStatistics({
      ...{ store, artifacts, directory, product: parts.product },
      tasksOf: async (taskSet) => (await shelf.get(taskSet)).tasks,
    }),
    sources,
    images,
    questions: parts.questions,
  });
  return {
    desk: openDesk({ ...shared, contents, logger, newNonce }),
    ...{ coordinator, directory, imports, shelf },
    resolve: (source, signal) => resolveWholeSource(source, sources, signal),
    [Symbol.asyncDispose]: () => shelf[Symbol.asyncDispose](),
  };
}

function openDesk(context: DeskContext): ClaimDesk {
  const rollouts = new RolloutDesk(context);
  const verifications = new VerifyDesk(context);
  return {
    stage: (pod) => rollouts.stage(pod),
    companion: (pod) => rollouts.companion(pod),
    end: (claim, body) => rollouts.end(claim, body),
    fetch: (pod) => verifications.fetch(pod),
    report: (pod) => verifications.report(pod),
    fetched: (claim, fetched) => verifications.fetched(claim, fetched),
    verdict: (claim, body) => verifications.verdict(claim, body),
  };
}
