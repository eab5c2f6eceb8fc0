import type { BatchState } from '../../../src/protocol/operator-api.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
import type { ConditionState } from '../../kube/objects/conditions.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { refusalWords } from '../shared/next-steps.ts';
import type { PolicyLook } from '../shared/policy/policy-pods.ts';
import type { Action } from './action.ts';
import type { ClusterView } from './look.ts';
import type { Mode } from './observed.ts';
import type { Forbidden, Hindrance, StatusInput } from './status-input.ts';

/** What one run has found out so far; the status is drawn from it, however the run ends. */
export class Findings {
  readonly uid: string;
  /** With the installation's defaults; the version that was last seen or written. */
  batch: RolloutBatch;
  state: BatchState | undefined;
  hindrance: Hindrance | undefined;
  sourceGone: string | undefined;
  mode: Mode | undefined;
  cluster: ClusterView | undefined;
  storeFull = false;
  storeFilling = false;
  forbidden: Forbidden | undefined;
  prepared = false;
  network: ConditionState | undefined;
  /** Whether the model of ours is served; undefined where there is none, or it was not looked at. */
  model: PolicyLook | undefined;

  constructor(batch: RolloutBatch, uid: string) {
    this.batch = batch;
    this.uid = uid;
  }

  /** A Job that the API server will not take is a finding, not a failure of the run. */
  async attempt(action: Action, work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (thrown) {
      const makes = action.do === 'new' || action.do === 'create';
      if (!makes || !(thrown instanceof KubeError) || !REFUSALS.has(thrown.code)) throw thrown;
      this.forbidden = { reason: 'JobsForbidden', message: refusalWords(thrown) };
      return false;
    }
  }

  statusInput(now: number): StatusInput {
    const { batch, cluster, forbidden, hindrance, model, network } = this;
    const { sourceGone, state, storeFilling, storeFull } = this;
    // No Job comes before that: a process that has made none knows it from their generations.
    const { rollout = 0, verify = 0 } = state?.generations ?? {};
    const prepared = this.prepared || rollout + verify > 0;
    return {
      ...{
        batch,
        forbidden,
        hindrance,
        model: model?.condition,
        network,
        prepared,
        sourceGone,
        state,
        storeFull,
        now,
        storeFilling,
      },
      mode: this.mode ?? (batch.spec.suspend ? 'pause' : 'run'),
      jobs: cluster?.jobs ?? [],
      pods: cluster?.pods.facts ?? [],
    };
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['Forbidden', 'Invalid', 'NotOwned']);
