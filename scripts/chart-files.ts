import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readmeWithValues, valuesSchema } from './chart-pages.ts';
import { parseChartValues } from './chart-values.ts';
import type { GeneratedFile } from './generated-file.ts';

/** values.schema.json and README.md of every chart, as its values.yaml says. */
export async function chartFiles(root: string): Promise<readonly GeneratedFile[]> {
  const charts = await readdir(join(root, 'charts'));
  const files = charts.map(async (chart): Promise<readonly GeneratedFile[]> => {
    const folder = join(root, 'charts', chart);
    const text = await readFile(join(folder, 'values.yaml'), 'utf8');
    const values = parseChartValues(text, `charts/${chart}/values.yaml`);
    const readme = join(folder, 'README.md');
    return [
      {
        path: join(folder, 'values.schema.json'),
        content: valuesSchema(`Values of ${chart}`, values),
      },
      { path: readme, content: readmeWithValues(await readFile(readme, 'utf8'), values) },
    ];
  });
  return (await Promise.all(files)).flat();
}
