import { controllerRef } from '../../../operator/kube/objects/owner-references.ts';
import { AUDIENCES, EXIT, LABELS } from '../../protocol/pod-contract.ts';
import { commonSpec, placement, tokenSeconds } from './pod-template.ts';
import { KUEUE_QUEUE } from './sandbox-job.ts';
import { SERVER_MARK, serverMark } from './settings.ts';
import {
  FETCH_CONTAINER,
  RENDEZVOUS_PORT,
  TRAINER_CONTAINER,
  trainerContainer,
  trainerGrace,
  trustedTrainerContainers,
} from './trainer-containers.ts';
import { type TrainerJobRequest, trainerLabels } from './trainer-request.ts';
import type {
  HeadlessService,
  PeerPolicy,
  TrainerJob,
  TrainerPodSpec,
  TrainerVolume,
} from './trainer-types.ts';
import { mebibytes, TOKEN_NAME } from './volumes.ts';

const SHM_MIB = 64;
const TMP_MIB = 1024;
const STATE_MIB = 16;
const SPEC_MIB = 1;

/**
 * One start of a run's trainer (docs/reference/training-pods.md): a pod a node, all or nothing. Whatever
 * ends one of them before its time ends the Job; the server says whether the next start, which is
 * another Job, goes on from the newest checkpoint.
 */
export function trainerJob(request: TrainerJobRequest): TrainerJob {
  const { run, runtime, name, installation } = request;
  const { nodes } = run.spec.trainer;
  const queueName = run.spec.trainer.queueName ?? runtime.queueName;
  const labels = trainerLabels(run);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      ...namespaceOf(request),
      labels: { ...labels, ...(queueName === undefined ? {} : { [KUEUE_QUEUE]: queueName }) },
      annotations: { [SERVER_MARK]: serverMark(installation.server) },
      ownerReferences: [controllerRef(run)],
    },
    spec: {
      completionMode: 'Indexed',
      completions: nodes,
      parallelism: nodes,
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [
          {
            action: 'FailJob',
            onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }],
          },
          onExit('Ignore', FETCH_CONTAINER, 'In', EXIT.wait),
          onExit('FailJob', TRAINER_CONTAINER, 'NotIn', 0),
        ],
      },
      template: {
        metadata: { labels: { [LABELS.sandbox]: 'true', ...labels } },
        spec: podSpec(request),
      },
    },
  };
}

function onExit(
  action: 'FailJob' | 'Ignore',
  containerName: string,
  operator: 'In' | 'NotIn',
  code: number,
): TrainerJob['spec']['podFailurePolicy']['rules'][number] {
  return { action, onExitCodes: { containerName, operator, values: [code] } };
}

function podSpec(request: TrainerJobRequest): TrainerPodSpec {
  const { run, runtime, name, installation } = request;
  const { trainer } = run.spec;
  const { hostnameOverride: _hidden, dnsPolicy, dnsConfig, ...common } = commonSpec(installation);
  const several = trainer.nodes > 1;
  const grace = trainerGrace(request);
  return {
    ...common,
    // Several nodes find each other by the names of the headless Service.
    ...(several
      ? { dnsPolicy: 'ClusterFirst', subdomain: name }
      : { dnsPolicy, dnsConfig: { ...dnsConfig } }),
    terminationGracePeriodSeconds: grace,
    initContainers: trustedTrainerContainers(request),
    containers: [trainerContainer(request)],
    volumes: volumes(tokenSeconds(grace), runtime.trainer.sharedMemoryMiB ?? SHM_MIB),
    ...placement(runtime),
    ...placement(trainer),
  };
}

function volumes(expirationSeconds: number, shmMiB: number): TrainerVolume[] {
  const audience = AUDIENCES.training;
  return [
    {
      name: 'token',
      projected: {
        defaultMode: 0o440,
        sources: [{ serviceAccountToken: { audience, expirationSeconds, path: TOKEN_NAME } }],
      },
    },
    // As large as model and checkpoints are: the limit of disk that the run asks for is the pod's.
    { name: 'in', emptyDir: {} },
    { name: 'out', emptyDir: {} },
    { name: 'spec', emptyDir: { sizeLimit: mebibytes(SPEC_MIB) } },
    { name: 'state', emptyDir: { sizeLimit: mebibytes(STATE_MIB) } },
    { name: 'tmp', emptyDir: { sizeLimit: mebibytes(TMP_MIB) } },
    { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: mebibytes(shmMiB) } },
  ];
}

const namespaceOf = ({ run }: TrainerJobRequest): { namespace?: string } =>
  run.metadata.namespace === undefined ? {} : { namespace: run.metadata.namespace };

/** What the pods of several nodes need beside their Job; nothing for one. */
export function trainerPeers(
  request: TrainerJobRequest,
): { readonly service: HeadlessService; readonly policy: PeerPolicy } | undefined {
  const { run, name } = request;
  if (run.spec.trainer.nodes === 1) return undefined;
  const ours = { [LABELS.training]: run.metadata.uid ?? '' };
  const metadata = {
    name,
    ...namespaceOf(request),
    labels: trainerLabels(run),
    ownerReferences: [controllerRef(run)],
  };
  const peers = [{ podSelector: { matchLabels: ours } }];
  return {
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        clusterIP: 'None',
        selector: { 'batch.kubernetes.io/job-name': name },
        publishNotReadyAddresses: true,
        ports: [{ name: 'rendezvous', port: RENDEZVOUS_PORT }],
      },
    },
    policy: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata,
      spec: {
        podSelector: { matchLabels: ours },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from: peers }],
        egress: [
          { to: peers },
          {
            ports: [
              { protocol: 'UDP', port: 53 },
              { protocol: 'TCP', port: 53 },
            ],
          },
        ],
      },
    },
  };
}
