import { parseJson } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../../gateway/upstream.ts';
import { type SynthesisSteering, zSynthesisSteering } from '../../protocol/synthesis-server.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import { ModelCaller, type Role, type RoleModel } from '../../synthesis/model-caller.ts';
import { fixedSampling } from '../planning/batch-settings.ts';
import type { SecretUpstreams } from '../upstreams/secret-upstreams.ts';
import { type FrozenJob, secretOf } from './frozen-job.ts';
import type { JobTally } from './job-tally.ts';

export interface LiveJobDeps {
  readonly store: ClusterStore;
  readonly artifacts: ArtifactStore;
  readonly upstreams: Pick<SecretUpstreams, 'check' | 'of'>;
  readonly clock: Clock;
}

/** One job in the memory of the server: nothing of it is needed to be right, only to be quick. */
export interface LiveJob {
  readonly uid: string;
  readonly frozen: FrozenJob;
  readonly steering: SynthesisSteering;
  readonly tally: JobTally;
  readonly caller: ModelCaller;
}

export function openLiveJob(parts: Omit<LiveJob, 'caller'>, deps: LiveJobDeps): LiveJob {
  const { uid, frozen, steering, tally } = parts;
  const { store, artifacts, clock } = deps;
  const { inputTokens, outputTokens } = tally.usage;
  const caller = new ModelCaller({
    ...{ job: uid, artifacts, clock },
    models: {
      generator: modelOf(frozen, 'generator', deps),
      judge: modelOf(frozen, 'judge', deps),
    },
    store: {
      getSynthesisCall: (id) => store.getSynthesisCall(id),
      addSynthesisCall: async (row) => {
        const stored = await store.addSynthesisCall(row);
        tally.called(stored);
        return stored;
      },
    },
    maxTokens: steering.tokens,
    usedTokens: inputTokens + outputTokens,
  });
  return { ...parts, caller };
}

export const readSteering = (text: string): SynthesisSteering =>
  zSynthesisSteering.parse(parseJson(text));

function modelOf(frozen: FrozenJob, role: Role, { upstreams }: LiveJobDeps): RoleModel {
  const { name, sampling } = frozen.spec.models[role];
  const secret = secretOf(frozen, role);
  const upstream = new CheckedUpstream(secret, upstreams.of(frozen.namespace, secret), () =>
    upstreams.check(frozen.namespace, secret),
  );
  return { name, upstream, sampling: fixedSampling(sampling) };
}

/** A Secret that is missing or unfit is trouble of the endpoint, and no fault of what a record asks. */
class CheckedUpstream implements Upstream {
  readonly name: string;
  readonly #upstream: Upstream;
  readonly #check: () => Promise<void>;

  constructor(name: string, upstream: Upstream, check: () => Promise<void>) {
    this.name = name;
    this.#upstream = upstream;
    this.#check = check;
  }

  async chat(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    try {
      await this.#check();
    } catch (thrown) {
      if (!(thrown instanceof ClawError) || thrown.retryable) throw thrown;
      throw new ClawError('UpstreamFailed', thrown.message, { cause: thrown });
    }
    return await this.#upstream.chat(request, signal);
  }
}
