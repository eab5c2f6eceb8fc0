import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openSqliteReader } from '../src/store/sqlite/open.ts';
import { rewardOf } from '../src/training/rl/step-groups.ts';
import { readResults } from './support/clawgym.ts';

/**
 * Draws the pictures of the guide from the outputs of a full circle, once for light and once for dark pages:
 * `node bench/full-circle-pictures.ts out/full-circle`.
 */
const work = resolve(process.argv[2] ?? 'out/full-circle');
const GUIDES = resolve(import.meta.dirname, '../docs/guides');
const THEMES = {
  light: { ink: '#1f2328', soft: '#59636e', line: '#d1d9e0', bar: '#0969da', dot: '#1a7f37' },
  dark: { ink: '#f0f6fc', soft: '#9198a1', line: '#3d444d', bar: '#4493f8', dot: '#3fb950' },
} as const;
type Theme = (typeof THEMES)[keyof typeof THEMES];
const [HEIGHT, TOP, PLOT] = [260, 40, 170];
const y = (score: number): number => TOP + PLOT * (1 - score);

const { arms } = await readResults(join(work, 'circle'));
const rewards = await stepRewards();

/** Of all rollouts of a step, those that ended as missing data left out. */
async function stepRewards(): Promise<readonly number[]> {
  await using records = await openSqliteReader(join(work, 'rl/store'));
  const steps = (await records.listBatches()).filter(({ owner }) => owner.arm.startsWith('step-'));
  return await Promise.all(
    steps.map(async ({ id }) => {
      const known = (await records.listRollouts(id)).flatMap((row) => rewardOf(row) ?? []);
      return known.reduce((sum, reward) => sum + reward, 0) / known.length;
    }),
  );
}

function grid(left: number, width: number, title: string, { ink, soft, line }: Theme): string {
  const marks = [0, 0.5, 1].map(
    (mark) =>
      `<line x1="${left}" x2="${left + width}" y1="${y(mark)}" y2="${y(mark)}" stroke="${line}"/>` +
      `<text x="${left - 6}" y="${y(mark) + 4}" fill="${soft}" text-anchor="end">${mark}</text>`,
  );
  return `<text x="${left}" y="20" fill="${ink}" font-weight="600">${title}</text>${marks.join('')}`;
}

function bars(left: number, theme: Theme): string {
  return arms
    .map(({ name, mean, interval }, index) => {
      const x = left + 20 + index * 80;
      const score = mean.final ?? 0;
      const [low, high] = [interval?.low ?? score, interval?.high ?? score];
      return [
        `<rect x="${x}" y="${y(score)}" width="40" height="${y(0) - y(score)}" fill="${theme.bar}"/>`,
        `<line x1="${x + 20}" x2="${x + 20}" y1="${y(high)}" y2="${y(low)}" stroke="${theme.ink}"/>`,
        `<text x="${x + 20}" y="${y(0) + 18}" fill="${theme.ink}" text-anchor="middle">${name}</text>`,
        `<text x="${x + 20}" y="${y(0) + 36}" fill="${theme.soft}" text-anchor="middle">${score.toFixed(2)}</text>`,
      ].join('');
    })
    .join('');
}

function course(left: number, width: number, theme: Theme): string {
  const x = (index: number): number => left + (width * (index + 0.5)) / rewards.length;
  const points = rewards.map((reward, index) => `${x(index).toFixed(1)},${y(reward).toFixed(1)}`);
  const dots = points.map((point) => {
    const [cx, cy] = point.split(',');
    return `<circle cx="${cx}" cy="${cy}" r="3" fill="${theme.dot}"/>`;
  });
  const label = `<text x="${left}" y="${y(0) + 18}" fill="${theme.soft}">step 1 to ${rewards.length}</text>`;
  return `<polyline points="${points.join(' ')}" fill="none" stroke="${theme.dot}"/>${dots.join('')}${label}`;
}

for (const [name, theme] of Object.entries(THEMES)) {
  const parts = [
    grid(40, 260, 'Score on unseen tasks, 95 % interval', theme),
    bars(40, theme),
    grid(380, 340, 'Mean reward of each step of reinforcement', theme),
    course(380, 340, theme),
  ];
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 740 ${HEIGHT}" font-family="sans-serif" font-size="13">`;
  await writeFile(
    join(GUIDES, `full-circle-${name}.svg`),
    `${head}\n${parts.join('\n')}\n</svg>\n`,
  );
}
