import { GRADER_ARGV } from '../../phases/grade-programs.ts';
import { AUDIENCES, SPEC_FILE, TRUSTED } from '../../protocol/pod-contract.ts';
import { sidecar, trustedContainer, untrustedContainer } from './containers.ts';
import { failureRules } from './failure-policy.ts';
import type { Job, PodTemplate } from './kube-types.ts';
import { graceSeconds, podTemplate, tokenSeconds } from './pod-template.ts';
import { jobAround } from './sandbox-job.ts';
import type { SandboxJobRequest } from './settings.ts';
import { folder, mount, PACKED_MIB, readOnly, shmVolume, TMP_MIB, tokenVolume } from './volumes.ts';

const VERIFIER_MIB = 64;
const VERDICT_MIB = 32;
const LOGS_MIB = 64;

/** The Job of a verification wave: a row is an attempt and a kind of run, or a gate run. */
export function verifyJob(request: SandboxJobRequest): Job {
  return jobAround(request, failureRules('fetch', 'grade'), verifyTemplate(request));
}

/** `fetch`, then `report` beside `grade`. */
function verifyTemplate(request: SandboxJobRequest): PodTemplate {
  const { job, installation } = request;
  const { shape } = job;
  const trusted = { installation, graceSeconds: graceSeconds(request) };
  const stateMiB = Math.max(shape.diskMiB, shape.snapshotMiB) + PACKED_MIB;
  const state = mount('state', TRUSTED.state);
  const logs = shape.writableMounts.map((path, index) => ({
    name: index === 0 ? 'logs' : `logs-${index}`,
    path,
  }));
  const fetchMounts = [
    mount('scratch', TRUSTED.workspace),
    mount('verifier', TRUSTED.verifier),
    mount('verdict', TRUSTED.verdict),
    state,
  ];
  const gradeMounts = [
    mount('scratch', shape.workspacePath),
    readOnly('verifier', '/verifier'),
    ...shape.verifierMounts.map((path) => readOnly('verifier', path)),
    mount('verdict', '/verdict'),
    mount('tmp', '/tmp'),
    ...logs.map(({ name, path }) => mount(name, path)),
  ];
  const volumesMiB = shape.diskMiB + VERIFIER_MIB + VERDICT_MIB + TMP_MIB + LOGS_MIB * logs.length;
  return podTemplate(request, {
    initContainers: [
      trustedContainer('fetch', trusted, fetchMounts, volumesMiB + stateMiB),
      sidecar(
        trustedContainer(
          'report',
          trusted,
          [readOnly('verdict', TRUSTED.verdict), state],
          stateMiB,
        ),
      ),
    ],
    containers: [
      untrustedContainer(
        'grade',
        [...GRADER_ARGV, `/verdict/${SPEC_FILE}`],
        { shape, settings: installation.settings },
        gradeMounts,
        volumesMiB,
      ),
    ],
    volumes: [
      tokenVolume(AUDIENCES.verify, tokenSeconds(trusted.graceSeconds)),
      folder('scratch', shape.diskMiB),
      folder('verifier', VERIFIER_MIB),
      folder('verdict', VERDICT_MIB),
      folder('tmp', TMP_MIB),
      ...logs.map(({ name }) => folder(name, LOGS_MIB)),
      folder('state', stateMiB),
      ...['fetch', 'report', 'grade'].map(shmVolume),
    ],
  });
}
