import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Kubectl, listed } from './kubectl.ts';

/** An object of the folder. */
export interface CircleName {
  readonly kind: string;
  readonly name: string;
}

const KINDS = 'synthesisjobs,rolloutbatches,trainingruns,benchruns';

/** Characters of a line. */
const SHOWN = 200;

const zCondition = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string(),
  message: z.string().default(''),
});
const zArm = z.looseObject({
  name: z.string(),
  score: z.string().optional(),
  scoreLow: z.string().optional(),
  scoreHigh: z.string().optional(),
  coverage: z.string().optional(),
  outcomes: z.array(z.looseObject({ outcome: z.string(), count: z.number() })).default([]),
});
export type ArmScore = z.infer<typeof zArm>;

const zObject = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), uid: z.string() }),
  status: z
    .looseObject({
      progress: z.string().optional(),
      conditions: z.array(zCondition).default([]),
      arms: z.array(zArm).optional(),
      model: z.looseObject({ digest: z.string() }).optional(),
    })
    .prefault({}),
});
export type CircleObject = z.infer<typeof zObject>;

/** What the manifests of a folder are called, in their order: one object a file. */
export async function namesIn(folder: string): Promise<readonly CircleName[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml')).toSorted();
  return await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(folder, file), 'utf8');
      const kind = /^kind: (\S+)$/m.exec(text)?.[1];
      const name = /^ {2}name: (\S+)$/m.exec(text)?.[1];
      if (kind !== undefined && name !== undefined) return { kind, name };
      throw new Error(`${join(folder, file)}: no kind or name of an object`);
    }),
  );
}

/** Every object of our kinds in the namespace, those that others made included. */
export async function readCircle(kubectl: Kubectl): Promise<readonly CircleObject[]> {
  return await listed(kubectl, [KINDS], zObject);
}

export const find = (
  objects: readonly CircleObject[],
  { kind, name }: CircleName,
): CircleObject | undefined =>
  objects.find((object) => object.kind === kind && object.metadata.name === name);

export function isTrue({ status }: CircleObject, type: string): boolean {
  return status.conditions.some((each) => each.type === type && each.status === 'True');
}

/** What an object says of itself, in one line. */
export function standOf(object: CircleObject): string {
  const { progress, conditions } = object.status;
  const condition = (type: string) => conditions.find((each) => each.type === type);
  const failed = condition('Failed');
  if (failed?.status === 'True') return `Failed: ${failed.message}`;
  const doing = condition('Progressing');
  const planned = condition('Planned');
  const waits = planned !== undefined && planned.status !== 'True' && planned.message !== '';
  const said = waits ? planned : doing;
  const words = said === undefined ? ['not looked at yet'] : [said.reason, said.message];
  return [progress, words.filter((word) => word !== '').join(': ')].filter(Boolean).join(' ');
}

/** The same for a line of a terminal: what an object waits for may itself wait for a third one. */
export function briefly(object: CircleObject): string {
  const [said = ''] = standOf(object).split('; see: ');
  const [first = '', second] = said.split(' is not complete yet, ');
  const text = second === undefined ? said : `${first} is not complete yet`;
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}...`;
}
