import type { AttemptId } from '../../base/brand.ts';
import type { EpisodeBudgets } from '../../server/planning/batch-settings.ts';
import type { ModelBinding } from '../engine.ts';

/** Gives an attempt its way to the model: a gateway session and the companion's link to it. */
export interface ModelAccess {
  open(request: ModelAccessRequest): Promise<AttemptModelAccess>;
}

export interface ModelAccessRequest {
  readonly attempt: AttemptId;
  readonly model: ModelBinding;
  readonly budgets: EpisodeBudgets;
  readonly gatewayLossSeconds: number;
  /** Folder for the link's socket; short, owned by the engine. */
  readonly socketDir: string;
}

/** One attempt's link; disposing it revokes the session and closes the socket. */
export interface AttemptModelAccess extends AsyncDisposable {
  /** Host path of the Unix socket that the sandbox sees. */
  readonly socketPath: string;
  /** True once the gateway has ended the episode for its budget. */
  budgetEnded(): boolean;
  /**
   * Why the attempt lost its model through no fault of its agent, where it did.
   *
   * @param deadlineSeconds the agent's deadline, where that is what ended it: an endpoint that was
   * failing a call just then lost the attempt
   */
  lost(deadlineSeconds?: number): ModelLoss | undefined;
}

/** An infrastructure failure, as a finding of the attempt. */
export interface ModelLoss {
  readonly code: 'LinkLost' | 'UpstreamFailed';
  /** The endpoint's own words, keys taken out, where there are any. */
  readonly message: string;
}
