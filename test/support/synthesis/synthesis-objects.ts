import type { SynthesisJob } from '../../../operator/controllers/shared/kinds.ts';
import type { Job } from '../../../operator/controllers/shared/kube-kinds.ts';
import { steeringMark, steeringOf } from '../../../operator/controllers/synthesisjob/steering.ts';
import { synthesisJob } from '../../../src/api/synthesis-job.ts';
import { asSha256 } from '../../../src/base/brand.ts';
import type { SynthesisState } from '../../../src/protocol/synthesis-server.ts';
import { sampleSynthesisJob } from '../sample-objects.ts';

export const SERVER = '10.0.0.1 abc';
export const TASK_SET = asSha256('ab'.repeat(32));
const UID = 'e0a1b2c3-0000-4000-8000-00000000000c';

export function aSynthesisJob(spec: object = {}, status: object = {}): SynthesisJob {
  const { apiVersion, kind, metadata, spec: sample } = sampleSynthesisJob(spec as never);
  return {
    ...{ apiVersion: String(apiVersion), kind: String(kind), status },
    metadata: { ...(metadata as { name: string }), uid: UID, generation: 3 },
    spec: synthesisJob.spec.parse(sample),
  } as SynthesisJob;
}

export function aSynthesisState(over: Partial<SynthesisState> = {}): SynthesisState {
  return {
    ...{ uid: UID, steering: steeringOf(aSynthesisJob()), target: 24, accepted: 3, records: 9 },
    ...{ open: 4, stages: [], rejections: [{ reason: 'Duplicate', count: 2 }] },
    ...{ inputTokens: 10, outputTokens: 20, rounds: [], worker: 'uid-w' },
    ...over,
  };
}

/** The Job of a worker, with the end that is given. */
export function aWorkerJob(end?: 'Complete' | 'Failed', at = 0, metadata: object = {}): Job {
  const lastTransitionTime = new Date(at).toISOString();
  return {
    ...{ apiVersion: 'batch/v1', kind: 'Job', spec: {} },
    metadata: {
      ...{ name: 'office-tasks-e0a1b-w', namespace: 'lab', uid: 'uid-w' },
      annotations: {
        'clawgym.io/server': SERVER,
        'clawgym.io/steering': steeringMark(steeringOf(aSynthesisJob())),
      },
      ...metadata,
    },
    status: {
      conditions: end === undefined ? [] : [{ type: end, status: 'True', lastTransitionTime }],
    },
  };
}
