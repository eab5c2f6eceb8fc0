import {
  ALL_RUN,
  type Condition,
  DELETED,
  PHASE,
  POD_ADDRESS,
  SANDBOX,
  SIMULATED_EXIT_CODE,
  stage,
} from './kwok-stages.ts';

/**
 * Annotation by which whoever plays the programs of a sandbox pod says how far they are. KWOK then
 * gives the pod the status that its kubelet would write.
 */
export const SIMULATED_STEP = 'simulated.clawgym.io/step';
export const STEPS = {
  /** The first container has done its work: sidecar and main container run. */
  works: 'works',
  /** The first container ended with `SIMULATED_EXIT_CODE`: the pod fails. */
  refused: 'refused',
  /** The main container ended with 0, then the sidecar. */
  ended: 'ended',
} as const;

const STEP = `.metadata.annotations["${SIMULATED_STEP}"]`;
const ADDRESS = '.status.podIP';

/** The first container runs; the others wait for its end. */
const STARTS = `
{{ $now := Now }}
conditions:
- {type: PodReadyToStartContainers, status: "True", lastTransitionTime: {{ $now | Quote }}}
initContainerStatuses:
{{ range $index, $container := .spec.initContainers }}
- name: {{ $container.name | Quote }}
  image: {{ $container.image | Quote }}
  ready: false
  restartCount: 0
  state:
  {{ if eq $index 0 }}
    running: {startedAt: {{ $now | Quote }}}
  {{ else }}
    waiting: {reason: PodInitializing}
  {{ end }}
{{ end }}
${containers('waiting: {reason: PodInitializing}')}
${POD_ADDRESS}
phase: Pending
startTime: {{ $now | Quote }}
`;

const REFUSED = `
{{ $now := Now }}
{{ $start := .status.startTime }}
{{ $code := (index .metadata.annotations "${SIMULATED_EXIT_CODE}") }}
initContainerStatuses:
{{ range $index, $container := .spec.initContainers }}
- name: {{ $container.name | Quote }}
  image: {{ $container.image | Quote }}
  ready: false
  restartCount: 0
  state:
  {{ if eq $index 0 }}
    terminated: {exitCode: {{ $code }}, reason: Error, startedAt: {{ $start | Quote }}, finishedAt: {{ $now | Quote }}}
  {{ else }}
    waiting: {reason: PodInitializing}
  {{ end }}
{{ end }}
${containers('waiting: {reason: PodInitializing}')}
phase: Failed
`;

const ENDED = `
{{ $now := Now }}
{{ $start := .status.startTime }}
conditions:
- {type: Ready, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  restartCount: 0
  state:
    terminated: {exitCode: 0, reason: Completed, startedAt: {{ $start | Quote }}, finishedAt: {{ $now | Quote }}}
{{ end }}
${containers('terminated: {exitCode: 0, reason: Completed, startedAt: {{ $start | Quote }}, finishedAt: {{ $now | Quote }}}')}
phase: Succeeded
`;

function containers(state: string): string {
  return `containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: false
  started: false
  restartCount: 0
  state: {${state}}
{{ end }}`;
}

/**
 * The life of sandbox pods on simulated nodes, a stage a phase: bound, their first container runs; the
 * rest waits for `SIMULATED_STEP`. Their end by deletion is that of every pod.
 */
export function sandboxStages(): readonly object[] {
  const sandbox = (phase: string, ...more: readonly Condition[]): readonly Condition[] => [
    [DELETED, 'DoesNotExist'],
    [SANDBOX, 'Exists'],
    [PHASE, 'In', phase],
    ...more,
  ];
  const at = (step: string): Condition => [STEP, 'In', step];
  const becomes = (name: string, conditions: readonly Condition[], statusTemplate: string) =>
    stage(`sandbox-${name}`, 'Pod', conditions, { statusTemplate });
  return [
    becomes('starts', sandbox('Pending', [ADDRESS, 'DoesNotExist']), STARTS),
    becomes('works', sandbox('Pending', [ADDRESS, 'Exists'], at(STEPS.works)), ALL_RUN),
    becomes('refused', sandbox('Pending', [ADDRESS, 'Exists'], at(STEPS.refused)), REFUSED),
    becomes('ends', sandbox('Running', at(STEPS.ended)), ENDED),
  ];
}
