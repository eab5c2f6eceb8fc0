/** How far the programs of a simulated sandbox pod are. */
export type Step =
  /** The first container runs. */
  | 'starts'
  /** The first container has done its work: sidecar and main container run. */
  | 'works'
  /** The first container ended with an exit code of its own: the pod fails. */
  | 'refused'
  /** The main container ended with 0, then the sidecar. */
  | 'ended';

export interface SimulatedContainer {
  readonly name: string;
  readonly image: string;
}

export interface SimulatedPod {
  /** The first container, then the sidecar. */
  readonly init: readonly SimulatedContainer[];
  readonly main: readonly SimulatedContainer[];
  readonly podIP: string;
  /** When the first container started. */
  readonly startedAt: string;
}

const WAITS = { waiting: { reason: 'PodInitializing' } };

/**
 * What a kubelet would write at this step, as a strategic merge patch: conditions are merged by their
 * type. One write a step; a kubelet makes four to six for such a pod, and some ten events.
 */
export function statusAt(
  step: Step,
  { init, main, podIP, startedAt }: SimulatedPod,
  now: string,
  exitCode = 0,
): object {
  const running = { running: { startedAt: step === 'starts' ? startedAt : now } };
  const ended = (code: number) => ({
    terminated: {
      ...{ exitCode: code, reason: code === 0 ? 'Completed' : 'Error' },
      ...{ startedAt, finishedAt: now },
    },
  });
  const all = (containers: readonly SimulatedContainer[], state: object, ready: boolean) =>
    containers.map((container) => containerStatus(container, state, ready));
  const firstThen = (state: object, others: object, ready: boolean) =>
    init.map((container, index) => containerStatus(container, index === 0 ? state : others, ready));
  switch (step) {
    case 'starts':
      return {
        conditions: conditions('True', now, ['PodReadyToStartContainers']),
        initContainerStatuses: firstThen(running, WAITS, false),
        containerStatuses: all(main, WAITS, false),
        ...{ podIP, podIPs: [{ ip: podIP }], phase: 'Pending', startTime: startedAt },
      };
    case 'works':
      return {
        conditions: conditions('True', now, ['Initialized', 'ContainersReady', 'Ready']),
        initContainerStatuses: firstThen(ended(0), running, true),
        containerStatuses: all(main, running, true),
        phase: 'Running',
      };
    case 'refused':
      return {
        initContainerStatuses: firstThen(ended(exitCode), WAITS, false),
        containerStatuses: all(main, WAITS, false),
        phase: 'Failed',
      };
    case 'ended':
      return {
        conditions: conditions('False', now, ['ContainersReady', 'Ready'], 'PodCompleted'),
        initContainerStatuses: all(init, ended(0), true),
        containerStatuses: all(main, ended(0), false),
        phase: 'Succeeded',
      };
  }
}

function containerStatus(
  { name, image }: SimulatedContainer,
  state: object,
  ready: boolean,
): object {
  const started = 'running' in state;
  return { name, image, imageID: image, ready, started, restartCount: 0, state };
}

function conditions(
  status: 'True' | 'False',
  lastTransitionTime: string,
  types: readonly string[],
  reason?: string,
): readonly object[] {
  const why = reason === undefined ? {} : { reason };
  return types.map((type) => ({ type, status, lastTransitionTime, ...why }));
}
