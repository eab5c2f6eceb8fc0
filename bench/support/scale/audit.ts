import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../../src/base/brand.ts';

/** Flags of an API server that writes down every request of these users, watches left out. */
export async function auditFlags(folder: string, users: readonly string[]): Promise<string[]> {
  const policy = join(folder, 'audit-policy.json');
  const rules = [
    { level: 'None', verbs: ['watch'] },
    { level: 'Metadata', users },
    { level: 'None' },
  ];
  const head = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'] };
  await writeFile(policy, JSON.stringify({ ...head, rules }));
  return [`--audit-policy-file=${policy}`, `--audit-log-path=${auditLog(folder)}`];
}

const auditLog = (folder: string): string => join(folder, 'audit.log');

const zEvent = z.object({
  verb: z.string(),
  requestURI: z.string(),
  user: z.object({ username: z.string() }),
  objectRef: z
    .object({ resource: z.string().default(''), subresource: z.string().optional() })
    .optional(),
  stageTimestamp: z.string(),
});
type AuditEvent = z.infer<typeof zEvent>;

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

export interface AuditReading {
  /** Writes since `from` by verb and resource, the most frequent first. */
  readonly writes: ReadonlyMap<string, number>;
  /** Lists, ever. */
  readonly lists: number;
  /** Addresses of lists that bound no page. */
  readonly unbounded: readonly string[];
}

/** What a user did, from the moment `from` (milliseconds since the epoch) where writes are counted. */
export async function readAudit(folder: string, user: string, from: number): Promise<AuditReading> {
  const lines = (await readFile(auditLog(folder), 'utf8')).split('\n');
  const events = lines
    .filter((line) => line !== '')
    .map((line) => zEvent.parse(parseJson(line)))
    .filter((event) => event.user.username === user);
  const writes = new Map<string, number>();
  for (const event of events) {
    if (!WRITES.has(event.verb) || Date.parse(event.stageTimestamp) < from) continue;
    const name = whatOf(event);
    writes.set(name, (writes.get(name) ?? 0) + 1);
  }
  const lists = events.filter(({ verb }) => verb === 'list');
  const bounded = (event: AuditEvent) =>
    new URL(event.requestURI, 'https://server').searchParams.has('limit');
  return {
    writes: new Map([...writes].toSorted(([, one], [, other]) => other - one)),
    lists: lists.length,
    unbounded: lists.filter((event) => !bounded(event)).map(({ requestURI }) => requestURI),
  };
}

function whatOf({ verb, objectRef }: AuditEvent): string {
  const { resource = '', subresource } = objectRef ?? {};
  return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;
}
