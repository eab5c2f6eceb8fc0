import { z } from 'zod';
import { RESULTS_SCHEMA, zResults } from '../src/bench/results.ts';

/** The part of JSON Schema that zod writes for the results and this page reads. */
const zNode = z.object({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  const: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  format: z.string().optional(),
  get properties() {
    return z.record(z.string(), zNode).optional();
  },
  get items() {
    return zNode.optional();
  },
  get additionalProperties() {
    return z.union([z.literal(false), zNode]).optional();
  },
  get anyOf() {
    return z.array(zNode).optional();
  },
});
type Node = z.infer<typeof zNode>;

const INTRODUCTION = `# results.json

<!-- made by scripts/results-doc.ts from src/bench/results.ts; do not edit -->

Every run writes one \`results.json\` into its output folder, with \`"schema": "${RESULTS_SCHEMA}"\`.
Within a version fields are only added, so a reader ignores what it does not know. Scores are between
0 and 1, \`null\` where there is none; times are seconds; digests are lower-case SHA-256.

Beside it lies \`rollouts.jsonl\`: one flat JSON row a rollout (arm, task, sample, outcome, scores,
tokens, seconds, finding codes, and \`checks\` as a list of [name, value] in the verifier's order).
Every number of \`results.json\` can be computed again from those rows:

- headline \`mean\`: mean over tasks of the task mean, over rollouts whose outcome is \`scored\`,
  \`agent_timeout\`, \`agent_error\` or \`budget_exhausted\`; the other outcomes are missing data and never
  count as 0; \`not_gradable\` rollouts are left out and counted apart
- \`interval\`: 95 %, for new tasks from the same source: standard error sqrt(sum (m_i - m)^2 / (N (N - 1)))
  of the task means with Student's t of N - 1 degrees of freedom; the Wilson interval over N tasks where
  all task means are equal, or where each task has one sample of 0 or 1
- \`bounds\`: the headline if every missing rollout had scored 0, and 1

| field | type | meaning |
|---|---|---|
`;

/** docs/reference/results.md: one row a field, from the schema. */
export function resultsPage(): string {
  const root = zNode.parse(z.toJSONSchema(zResults, { reused: 'inline', io: 'output' }));
  return `${INTRODUCTION}${fieldRows(root, '').join('\n')}\n`;
}

function fieldRows(node: Node, path: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const at = path === '' ? name : `${path}.${name}`;
    const inner = contents(child);
    const suffix = inner?.list === true ? '[]' : '';
    return [
      `| \`${at}${suffix}\` | ${typeName(child)} | ${child.description ?? ''} |`,
      ...(inner === undefined ? [] : fieldRows(inner.node, `${at}${suffix}`)),
    ];
  });
}

/** The object inside a field: itself, the members of a list, or what a nullable field may hold. */
function contents(node: Node): { readonly node: Node; readonly list: boolean } | undefined {
  if (node.properties) return { node, list: false };
  if (node.items) return { node: node.items, list: true };
  const object = node.anyOf?.find((choice) => choice.properties);
  return object && { node: object, list: false };
}

function typeName(node: Node): string {
  if (node.const !== undefined) return `\`${JSON.stringify(node.const)}\``;
  if (node.enum) return node.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (node.anyOf) return node.anyOf.map(typeName).join(' or ');
  if (node.items) return `list of ${typeName(node.items)}`;
  if (node.type === 'object' && node.additionalProperties) {
    return `map of ${typeName(node.additionalProperties)}`;
  }
  return node.format === 'date-time'
    ? 'time, ISO 8601 UTC'
    : [node.type ?? 'any'].flat().join(' or ');
}
