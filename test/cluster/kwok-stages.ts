/** Annotation of a pod: its containers end with this exit code instead of 0. */
export const SIMULATED_EXIT_CODE = 'simulated.clawgym.io/exit-code';
/** Annotation of a pod: how long it runs, as `1s500ms`; at once where it is left out. */
export const SIMULATED_RUN_TIME = 'simulated.clawgym.io/run-time';

type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
/** A jq expression over the object, and what its values must be. */
type Condition = readonly [key: string, operator: Operator, ...values: readonly string[]];

const READY = '.status.conditions.[] | select( .type == "Ready" ) | .status';
const PHASE = '.status.phase';
const OWNER_KIND = '.metadata.ownerReferences.[].kind';
const DELETED = '.metadata.deletionTimestamp';
const EXIT_CODE = `.metadata.annotations["${SIMULATED_EXIT_CODE}"]`;

/** Go templates over the object; KWOK merges what they print into its status. */
const NODE_READY = `
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- {type: {{ .type | Quote }}, status: {{ .status | Quote }}, reason: {{ .reason | Quote }},
   message: {{ .message | Quote }}, lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }}}
{{ end }}
addresses:
- {type: InternalIP, address: {{ NodeIP | Quote }}}
- {type: Hostname, address: {{ NodeName | Quote }}}
nodeInfo: {architecture: amd64, operatingSystem: linux, kubeletVersion: v0.0.0-simulated, bootID: "", machineID: "",
  containerRuntimeVersion: simulated, kernelVersion: simulated, kubeProxyVersion: "", osImage: "", systemUUID: ""}
phase: Running
`;

const POD_ADDRESS = `
{{ with PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
podIP: {{ index . 0 | Quote }}
podIPs: [{ip: {{ index . 0 | Quote }}}]
{{ end }}
`;

const ALL_RUN = `
{{ $now := Now }}
conditions:
{{ range $type := (list "PodReadyToStartContainers" "Initialized" "ContainersReady" "Ready") }}
- {type: {{ $type | Quote }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  restartCount: 0
  state:
  {{ if eq (or .restartPolicy "") "Always" }}
    running: {startedAt: {{ $now | Quote }}}
  {{ else }}
    terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}
  {{ end }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
phase: Running
startTime: {{ $now | Quote }}
`;

function podEnds(exitCode: string, reason: string, phase: string): string {
  return `
{{ $now := Now }}
{{ $start := .status.startTime }}
conditions:
- {type: Ready, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ $code := ${exitCode} }}
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: false
  started: false
  restartCount: 0
  state:
    terminated: {exitCode: {{ $code }}, reason: ${reason}, startedAt: {{ $start | Quote }}, finishedAt: {{ $now | Quote }}}
{{ end }}
phase: ${phase}
`;
}

/**
 * How simulated nodes and pods live: nodes become ready, pods run as soon as they are bound, pods of
 * Jobs end (with 0, or as their annotations say), deleted pods go at once. KWOK has none built in.
 * Sandbox pods are not KWOK's (scale-layer.ts).
 */
export function kwokStages(): readonly object[] {
  const runningJobPod: readonly Condition[] = [
    [DELETED, 'DoesNotExist'],
    [PHASE, 'In', 'Running'],
    [OWNER_KIND, 'In', 'Job'],
  ];
  const runTime = {
    durationFrom: { expressionFrom: `.metadata.annotations["${SIMULATED_RUN_TIME}"]` },
  };
  const code = `(index .metadata.annotations "${SIMULATED_EXIT_CODE}")`;
  return [
    stage('node-ready', 'Node', [[READY, 'NotIn', 'True']], { statusTemplate: NODE_READY }),
    stage(
      'pod-runs',
      'Pod',
      [
        [DELETED, 'DoesNotExist'],
        [PHASE, 'In', 'Pending'],
      ],
      {
        statusTemplate: ALL_RUN + POD_ADDRESS,
      },
    ),
    stage(
      'pod-succeeds',
      'Pod',
      [...runningJobPod, [EXIT_CODE, 'DoesNotExist']],
      { statusTemplate: podEnds('0', 'Completed', 'Succeeded') },
      runTime,
    ),
    stage(
      'pod-fails',
      'Pod',
      [...runningJobPod, [EXIT_CODE, 'Exists']],
      { statusTemplate: podEnds(code, 'Error', 'Failed') },
      runTime,
    ),
    stage('pod-goes', 'Pod', [[DELETED, 'Exists']], { delete: true }),
  ];
}

function stage(
  name: string,
  kind: 'Node' | 'Pod',
  conditions: readonly Condition[],
  next: object,
  delay?: object,
): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: {
        matchExpressions: conditions.map(([key, operator, ...values]) => ({
          key,
          operator,
          ...(values.length === 0 ? {} : { values }),
        })),
      },
      next,
      ...(delay === undefined ? {} : { delay }),
    },
  };
}
