import { z } from 'zod';
import { parseJson } from '../../base/brand.ts';
import { plainText } from '../../base/plain-text.ts';
import { type ImportEnd, zImportEnd } from '../../protocol/import-api.ts';
import { IMPORT_CONTAINER, IMPORT_MEMORY_MIB } from './import-pod.ts';

const zSaid = { reason: z.string().optional(), message: z.string().optional() };

/** The part of the pod that is read. */
export const zImportPod = z.looseObject({
  status: z
    .looseObject({
      phase: z.string().optional(),
      ...zSaid,
      conditions: z
        .array(z.looseObject({ type: z.string(), status: z.string(), ...zSaid }))
        .nullish(),
      containerStatuses: z
        .array(
          z.looseObject({
            name: z.string(),
            state: z
              .looseObject({
                waiting: z.looseObject(zSaid).optional(),
                terminated: z.looseObject({ exitCode: z.number(), ...zSaid }).optional(),
              })
              .default({}),
          }),
        )
        .nullish(),
    })
    .prefault({}),
});
type ImportPod = z.infer<typeof zImportPod>;

export type ImportFinding =
  | { readonly kind: 'waiting'; readonly message: string }
  | { readonly kind: 'done'; readonly digest: string }
  /** Nobody has to do anything: another pod is made. */
  | { readonly kind: 'again'; readonly message: string }
  | { readonly kind: 'problem'; readonly notFound: boolean; readonly message: string };

/** How far the pod has come that reads a volume, in words for the condition `Planned`. */
export function importFinding(pod: ImportPod): ImportFinding {
  const { phase, containerStatuses, reason } = pod.status;
  const state = containerStatuses?.find(({ name }) => name === IMPORT_CONTAINER)?.state;
  if (phase !== 'Succeeded' && phase !== 'Failed') {
    return { kind: 'waiting', message: whyWaiting(pod, state?.waiting) };
  }
  const end = state?.terminated;
  const said = endOf(end?.message);
  if (said !== undefined && 'digest' in said) return { kind: 'done', digest: said.digest };
  if (said !== undefined) return problem(said.problem);
  if (end?.reason === 'OOMKilled') {
    return refused(
      `reading the tasks takes more than ${IMPORT_MEMORY_MIB} MiB of memory: put a packed task set there (clawgym tasks import SOURCE --out tasks.tar), which is not held whole, or split the tasks`,
    );
  }
  if (reason === 'DeadlineExceeded' && end === undefined) {
    return refused(
      'the volume was not mounted, or the image not pulled, in time: see kubectl describe pod, or the events of the namespace',
    );
  }
  const words = [pod.status.reason, pod.status.message, end?.reason, end?.message];
  const message = plainText(words.filter(Boolean).join(': '), 1000);
  return { kind: 'again', message: message === '' ? 'the pod ended without a word' : message };
}

/** A pod is not to blame for the outage of the server, nor for its own end. */
const PASSING: ReadonlySet<string> = new Set(['Timeout', 'Cancelled', 'Fenced']);

function problem({ code, message }: Extract<ImportEnd, { problem: object }>['problem']) {
  if (PASSING.has(code)) return { kind: 'again', message } as const;
  return { kind: 'problem', notFound: code === 'NotFound', message } as const;
}

const refused = (message: string) => ({ kind: 'problem', notFound: false, message }) as const;

function whyWaiting(
  { status: { conditions } }: ImportPod,
  waiting: { readonly reason?: string | undefined; readonly message?: string | undefined } = {},
): string {
  const unplaced = conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  );
  if (unplaced?.message) return `its pod finds no node: ${plainText(unplaced.message, 1000)}`;
  const { reason, message } = waiting;
  if (reason !== undefined && reason !== 'ContainerCreating' && reason !== 'PodInitializing') {
    return `its pod does not start: ${plainText([reason, message].filter(Boolean).join(': '), 1000)}`;
  }
  return 'its pod is at work';
}

function endOf(message: string | undefined): ImportEnd | undefined {
  try {
    return zImportEnd.safeParse(parseJson(message ?? '')).data;
  } catch {
    return undefined;
  }
}
