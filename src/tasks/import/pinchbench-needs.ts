import { ownValue } from '../../base/own-value.ts';

/**
 * What a PinchBench task needs beyond a plain sandbox. Files, prerequisites and turns say part of it;
 * the rest is a table by task, since no field of the format tells it (task-formats reference 1.3, 1.4).
 */
const BY_TASK: Readonly<Record<string, readonly string[]>> = {
  web: [
    'task_stock',
    'task_earnings_analysis',
    'task_executive_lookup',
    'task_financial_ratio_calculation',
    'task_byok_best_practices',
    'task_competitive_research',
    'task_deep_research',
    'task_eu_regulation_research',
    'task_events',
    'task_it_procurement',
    'task_oss_alternative_research',
    'task_pricing_research',
    'task_video_transcript_extraction',
    'task_codebase_navigation',
    'task_polymarket_briefing',
    'task_market_research',
  ],
  vision: ['task_image_identification'],
  'image-gen': ['task_image_gen'],
  browser: ['task_browser_automation', 'task_playwright_e2e', 'task_selector_fix'],
  'time-dependent': ['task_calendar', 'task_polymarket_briefing'],
  git: ['task_git_rescue_recovery'],
};

const BY_EXTENSION: Readonly<Record<string, string>> = {
  pdf: 'pdf',
  xlsx: 'xlsx',
  png: 'vision',
  jpg: 'vision',
  jpeg: 'vision',
};

/** Capability labels of a task, sorted. */
export function needsOf(
  stem: string,
  inputs: readonly { readonly path: string }[],
  prerequisites: readonly string[],
  turns: number,
): string[] {
  const found = new Set(Object.keys(BY_TASK).filter((need) => BY_TASK[need]?.includes(stem)));
  for (const { path } of inputs) {
    const need = ownValue(BY_EXTENSION, path.slice(path.lastIndexOf('.') + 1).toLowerCase());
    if (need !== undefined) found.add(need);
  }
  if (prerequisites.length > 0) found.add('mock-services');
  if (turns > 1) found.add('multi-session');
  return [...found].toSorted();
}
