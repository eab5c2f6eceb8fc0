import { request } from 'undici';
import { z } from 'zod';
import { parseJson } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import { canaryProblem } from '../../training/canary.ts';
import type { ModelManifest } from '../../training/model-manifest.ts';
import type { PolicyAddress } from './policy-desk.ts';

const ANSWER_MS = 10_000;
const zModels = z.object({ data: z.array(z.looseObject({ id: z.string() })) });

/**
 * Asks a policy server for its models and for the canary of the model's record, where there is one.
 * Throws `Conflict` where it serves something else, `UpstreamFailed` where it does not answer.
 */
export async function provePolicy(address: PolicyAddress, manifest: ModelManifest): Promise<void> {
  const { name } = address;
  const names = await servedNames(address);
  if (!names.includes(name)) {
    throw new ClawError(
      'Conflict',
      `the policy server serves ${names.join(', ') || 'nothing'}, and ${name} was asked for; start it with --served-model-name and the name that it is given`,
    );
  }
  const { canary } = manifest.record;
  // None, or one without an answer: the context of the model had no room for one.
  if (canary === undefined || canary.ids.length === 0) return;
  const problem = await canaryProblem(address, canary);
  if (problem !== undefined) throw new ClawError('Conflict', problem);
}

async function servedNames({ baseUrl, key }: PolicyAddress): Promise<readonly string[]> {
  const response = await request(`${baseUrl}/models`, {
    signal: AbortSignal.timeout(ANSWER_MS),
    headers: { authorization: `Bearer ${key}` },
  });
  const text = await response.body.text();
  if (response.statusCode !== 200) {
    throw new ClawError(
      'UpstreamFailed',
      `GET /v1/models of the policy server: status ${response.statusCode}: ${text.slice(0, 300)}`,
    );
  }
  const parsed = zModels.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data.data.map(({ id }) => id);
  throw new ClawError(
    'UpstreamFailed',
    `GET /v1/models of the policy server: no list of models: ${text.slice(0, 300)}`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
