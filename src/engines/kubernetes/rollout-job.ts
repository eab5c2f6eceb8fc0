import { PYTHON_PATH, REPORT_DIR } from '../../phases/agent-spec.ts';
import { AUDIENCES, IMAGE_PATHS, SPEC_FILE, TRUSTED } from '../../protocol/pod-contract.ts';
import { sidecar, trustedContainer, untrustedContainer } from './containers.ts';
import { failureRules } from './failure-policy.ts';
import type { Job, PodTemplate, VolumeMount } from './kube-types.ts';
import { graceSeconds, podTemplate, tokenSeconds } from './pod-template.ts';
import { jobAround } from './sandbox-job.ts';
import type { SandboxJobRequest } from './settings.ts';
import { folder, mount, PACKED_MIB, readOnly, shmVolume, TMP_MIB, tokenVolume } from './volumes.ts';

const AGENT_MIB = 64;
const REPORT_MIB = 16;

/** Starts the wrapper, which reads the rest from its spec and stays the container's first process. */
const AGENT_ARGV = [
  PYTHON_PATH,
  ...['-I', '-S', '-B'],
  IMAGE_PATHS.agentInit,
  `${REPORT_DIR}/${SPEC_FILE}`,
];

/** The Job that carries rollouts: a row is a position of the plan (design: rollouts.md 1 and 4). */
export function rolloutJob(request: SandboxJobRequest): Job {
  return jobAround(request, failureRules('stage', 'agent'), rolloutTemplate(request));
}

/** `stage`, then `companion` beside `agent`. */
function rolloutTemplate(request: SandboxJobRequest): PodTemplate {
  const { job, installation } = request;
  const { shape } = job;
  const trusted = { installation, graceSeconds: graceSeconds(request) };
  const stateMiB = Math.max(shape.diskMiB, shape.snapshotMiB) + PACKED_MIB;
  const shared = [mount('workspace', TRUSTED.workspace), mount('report', TRUSTED.report)];
  const state = mount('state', TRUSTED.state);
  const stageMounts = [...shared, mount('agent', TRUSTED.agent), state];
  const extra = shape.writableMounts.map((path, index) => ({ name: `extra-${index}`, path }));
  const agentMounts: VolumeMount[] = [
    mount('workspace', shape.workspacePath),
    readOnly('agent', '/agent'),
    mount('report', REPORT_DIR),
    mount('tmp', '/tmp'),
    ...extra.map(({ name, path }) => mount(name, path)),
  ];
  const agentMiB = shape.diskMiB + AGENT_MIB + REPORT_MIB + TMP_MIB * (1 + extra.length);
  return podTemplate(request, {
    initContainers: [
      trustedContainer('stage', trusted, stageMounts, shape.diskMiB + AGENT_MIB + stateMiB),
      sidecar(trustedContainer('companion', trusted, [...shared, state], stateMiB)),
    ],
    containers: [
      untrustedContainer(
        'agent',
        AGENT_ARGV,
        { shape, settings: installation.settings },
        agentMounts,
        agentMiB,
      ),
    ],
    volumes: [
      tokenVolume(AUDIENCES.rollout, tokenSeconds(trusted.graceSeconds)),
      folder('workspace', shape.diskMiB),
      folder('agent', AGENT_MIB),
      folder('report', REPORT_MIB),
      folder('tmp', TMP_MIB),
      folder('state', stateMiB),
      ...extra.map(({ name }) => folder(name, TMP_MIB)),
      ...['stage', 'companion', 'agent'].map(shmVolume),
    ],
  });
}
