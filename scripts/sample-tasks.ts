import { join } from 'node:path';
import { dump } from 'js-yaml';
import { clawGymRow } from '../src/tasks/export/clawgym-jsonl.ts';
import { DEFAULT_IMPORT_LIMITS } from '../src/tasks/import/import-limits.ts';
import { loadTaskSet } from '../src/tasks/load-task-set.ts';
import { scanAgentCode } from '../src/verifiers/scan-agent-code.ts';
import type { GeneratedFile } from './generated-file.ts';

const HEADER = `# Generated from examples/tasks by \`npm run generate\`; do not edit.
# The same as: bin/clawgym tasks export examples/tasks --format clawgym-jsonl --out tasks.jsonl
#              kubectl create configmap example-tasks --from-file=tasks.jsonl
`;

/** The example tasks as a ConfigMap, for the quickstart in a cluster. */
export async function sampleTasks(root: string): Promise<GeneratedFile> {
  const exporting = {
    scanAgentCode: (files: Parameters<typeof scanAgentCode>[0]) => scanAgentCode(files).class,
    limits: DEFAULT_IMPORT_LIMITS,
  };
  const { signal } = new AbortController();
  const loaded = await loadTaskSet(join(root, 'examples/tasks'), { ...exporting, signal });
  try {
    const rows: string[] = [];
    for (const { task } of loaded.set.tasks) {
      rows.push(`${await clawGymRow(task, loaded.set.blobs, exporting)}\n`);
    }
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'example-tasks' },
      data: { 'tasks.jsonl': rows.join('') },
    };
    const content = HEADER + dump(object, { lineWidth: -1 });
    return { path: join(root, 'deploy/samples/quickstart/example-tasks.yaml'), content };
  } finally {
    await loaded.close();
  }
}
