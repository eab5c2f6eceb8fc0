import type { Role, RoleModel } from '../../synthesis/model-caller.ts';
import { checkUpstreams, type UpstreamCheck } from '../check-upstreams.ts';
import { openModel } from '../open-model.ts';
import type { ExecuteSynthesisOptions } from './execute-synthesis.ts';
import type { SynthesisRequest } from './synthesis-request.ts';

export interface RoleModels {
  readonly byRole: Readonly<Record<Role, RoleModel>>;
  /** What decides their answers, for the digest of the job. */
  readonly identity: object;
}

/** Opens the models of a job; endpoints are asked for one answer each unless that is switched off. */
export async function openRoleModels(
  requests: SynthesisRequest['models'],
  { environment, logger, signal, modelCheck }: ExecuteSynthesisOptions,
): Promise<RoleModels> {
  const checks: UpstreamCheck[] = [];
  const open = async (role: Role) => {
    const { name, sampling = {}, source } = requests[role];
    const opened = await openModel(requests[role], environment, logger);
    const { upstream, endpoint, recording } = opened;
    if (endpoint !== undefined)
      checks.push({ arm: role, model: name, sampling, upstream, endpoint });
    return {
      model: { name, upstream, sampling },
      identity: { name, sampling, source: source.kind, recording, baseUrl: endpoint?.address },
    };
  };
  const generator = await open('generator');
  const judge = await open('judge');
  if (modelCheck) await checkUpstreams(checks, { logger, signal });
  return {
    byRole: { generator: generator.model, judge: judge.model },
    identity: { generator: generator.identity, judge: judge.identity },
  };
}
