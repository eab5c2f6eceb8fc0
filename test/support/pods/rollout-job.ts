import { BUSYBOX_IMAGE } from '../../cluster/node/images.ts';
import { RESTRICTED_CONTAINER, RESTRICTED_POD } from './pod-manifest.ts';

/** Exit codes by which `stage` tells the Job what to do. */
const DECIDED = 42;
const WAIT = 43;

export interface RolloutJob {
  /** What the agent of each index runs; index 0 first. */
  readonly agents: readonly string[];
  /** What `stage` runs before the workspace is laid out; `$JOB_COMPLETION_INDEX` names the index. */
  readonly stage: string;
  readonly retries: number;
}

/**
 * An Indexed Job in the shape of a rollout: `stage` lays the workspace out, `companion` stays beside
 * the agent and, when that has ended for whatever reason, lists what the workspace holds, and the
 * agent's failure decides its index at once while failures of `stage` are retried.
 */
export function rolloutJob({ agents, stage, retries }: RolloutJob): object {
  const choose = agents.map((agent, index) => `${index}) ${agent} ;;`).join('\n');
  return {
    spec: {
      completionMode: 'Indexed',
      completions: agents.length,
      parallelism: agents.length,
      backoffLimitPerIndex: retries,
      maxFailedIndexes: agents.length,
      podFailurePolicy: { rules: failureRules() },
      template: {
        metadata: { labels: { app: 'rollout' } },
        spec: {
          ...RESTRICTED_POD,
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 10,
          enableServiceLinks: false,
          automountServiceAccountToken: false,
          initContainers: [
            container('stage', `${stage}\necho input > /workspace/input`),
            {
              ...container('companion', COMPANION),
              restartPolicy: 'Always',
              startupProbe: { exec: { command: ['cat', '/tmp/ready'] }, periodSeconds: 1 },
            },
          ],
          containers: [
            {
              ...container('agent', `case $JOB_COMPLETION_INDEX in\n${choose}\nesac`),
              resources: { limits: { memory: '32Mi' } },
            },
          ],
          volumes: [{ name: 'workspace', emptyDir: {} }],
        },
      },
    },
  };
}

/** At SIGTERM it says what is there, then ends well. */
const COMPANION = `
trap 'echo snapshot: $(ls /workspace); exit 0' TERM
echo > /tmp/ready
sleep 3600 &
wait`;

function container(name: string, script: string): object {
  return {
    ...RESTRICTED_CONTAINER,
    name,
    image: BUSYBOX_IMAGE,
    imagePullPolicy: 'Never',
    command: ['sh', '-c', script],
    volumeMounts: [{ name: 'workspace', mountPath: '/workspace' }],
  };
}

function failureRules(): readonly object[] {
  const onExit = (action: string, containerName: string, operator: string, code: number) => ({
    action,
    onExitCodes: { containerName, operator, values: [code] },
  });
  return [
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] },
    onExit('Ignore', 'stage', 'In', WAIT),
    onExit('FailIndex', 'stage', 'In', DECIDED),
    onExit('FailIndex', 'agent', 'NotIn', 0),
  ];
}
