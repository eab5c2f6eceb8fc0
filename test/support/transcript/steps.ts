/** A command of a transcript as a person types it, and what it answered. */
export interface Step {
  /** Markdown in front of it: what it shows. */
  readonly about: string;
  readonly command: string;
  readonly output: string;
  /** What it shows changes while the run goes on: only its columns are kept to. */
  readonly passing: boolean;
}

/** What of a transcript is compared: commands, and outputs without what differs from run to run. */
export interface Compared {
  readonly command: string;
  readonly lines: readonly string[];
}

const FENCE = '```';

/** The steps as Markdown. `comparedPage` reads it again. */
export function pageOf(head: string, steps: readonly Step[]): string {
  const parts = steps.map(({ about, command, output, passing }) =>
    [
      about,
      '',
      `${FENCE}console${passing ? ' passing' : ''}`,
      `$ ${command}`,
      output.trimEnd(),
      FENCE,
    ].join('\n'),
  );
  return `${[head, ...parts].join('\n\n')}\n`;
}

/** What a page promises, block for block. */
export function comparedPage(page: string): readonly Compared[] {
  return [...page.matchAll(/^```console( passing)?\n\$ (.*)\n([\s\S]*?)\n```$/gm)].map(
    ([, passing, command = '', output = '']) =>
      compared({ command, output, passing: passing !== undefined }),
  );
}

export function compared({
  command,
  output,
  passing,
}: Pick<Step, 'command' | 'output' | 'passing'>): Compared {
  const lines = output.trimEnd().split('\n');
  return { command, lines: passing ? headings(lines) : withoutFigures(lines) };
}

/** The headings: which rows are there already is a matter of time. */
function headings(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => line.startsWith('NAME')).map(squeezed);
}

/** Fields that count time, tries or retries: equal results may take more of them. */
const COUNTED = /^( *(?:Seconds|Attempts|Infra Failures|Disruptions): *)\S+$/;
/** Events that a busy cluster gives and a quiet one does not. */
const BY_CHANCE = /^ *(?:Normal|Warning) +(?:Unschedulable|Running|ServerUnavailable) /;

function withoutFigures(lines: readonly string[]): readonly string[] {
  return withoutPods(lines)
    .filter((line) => !BY_CHANCE.test(line))
    .map((line) =>
      squeezed(
        line.replace(COUNTED, '$1#').replaceAll(/\d+(?:\.\d+)? ?(s|min|processes)\b/g, '# $1'),
      ),
    );
}

/** What `clawgym show` tells of pods: one that graded last may be gone before it is told. */
function withoutPods(lines: readonly string[]): readonly string[] {
  let inside = false;
  return lines.filter((line) => {
    const before = inside;
    inside = line === '  Pods:' || (before && line.startsWith('    '));
    return !(before && inside);
  });
}

/** Columns are as wide as their widest cell, which may have been one that differs. */
const squeezed = (line: string): string => line.trimEnd().replaceAll(/(?<=\S) {2,}/g, '  ');
