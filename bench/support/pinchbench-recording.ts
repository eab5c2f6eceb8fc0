import type { JsonValue } from '../../src/base/brand.ts';

/** What a recorded model says to one task, and which checks must then read it in the transcript. */
export interface TranscriptCase {
  readonly turns: readonly RecordedTurn[];
  /** Checks that only the transcript can make true. */
  readonly checks: readonly string[];
}

interface RecordedTurn {
  readonly content?: string;
  readonly tool_calls?: readonly {
    readonly name: string;
    readonly arguments: Readonly<Record<string, JsonValue>>;
  }[];
}

const bash = (command: string): RecordedTurn => ({
  tool_calls: [{ name: 'bash', arguments: { command } }],
});
const say = (content: string): RecordedTurn => ({ content });

/**
 * The shared PinchBench tasks whose graders read the transcript, each with hand-written answers.
 * The tools `gh`, `gws` and web search do not exist in the sandbox: the graders look for the calls.
 */
export const TRANSCRIPT_CASES: Readonly<Record<string, TranscriptCase>> = {
  task_workflow: {
    turns: [
      { tool_calls: [{ name: 'read', arguments: { path: 'config.json' } }] },
      bash('printf "import json\\nimport urllib.request\\n" > call_api.py; echo done > NOTES.md'),
      say('The script is call_api.py.'),
    ],
    checks: ['read_config'],
  },
  task_market_research: {
    turns: [
      { tool_calls: [{ name: 'web_search', arguments: { query: 'observability market' } }] },
      bash('echo "# Overview" > market_research.md'),
      say('The report is market_research.md.'),
    ],
    checks: ['used_web_search'],
  },
  task_gh_issue_triage: {
    turns: [
      bash('gh issue list --repo testuser/my-project'),
      bash('gh pr list --repo testuser/my-project'),
      bash('gh issue view 1; gh issue comment 1 --body "Look at this first."'),
      say('There is nothing more to triage.'),
    ],
    checks: ['listed_issues', 'viewed_prs', 'read_detail', 'commented'],
  },
  task_gws_task_management: {
    turns: [
      bash('gws tasks list'),
      bash('gws tasks patch 1; gws gmail messages; gws tasks insert "Call back"'),
      say('All tasks are up to date.'),
    ],
    checks: ['listed_tasks', 'updated_completed', 'read_emails', 'created_new_task'],
  },
  // Four turns of one conversation; the grader wants JSON in all of them.
  task_session_chain_analysis: {
    turns: [
      say(
        '{"chain_map": "session_resolve, session_store_update, delivery", "evidence_index": "E1"}',
      ),
      say('{"target_evidence_id": "E2", "minimal_scope": "session-store.ts, agent-command.ts"}'),
      say('{"evidence_id": "E3", "code_snippet": "const envelope = await deliver();"}'),
      say('{"context": "sessions", "traceability": "E1, E2, E3"}'),
    ],
    checks: ['chain_map_stages', 'design_targeting_e2', 'traceability', 'json_validity'],
  },
};

/** A recording file for these tasks; `prompt` gives the text of a task's first turn. */
export function recordingText(prompt: (task: string) => string): string {
  const rows = Object.entries(TRANSCRIPT_CASES).map(([task, { turns }]) => ({
    task,
    match: prompt(task).trim().slice(0, 60),
    turns,
  }));
  const header = { schema: 'clawgym.recording/v1', model: 'recorded', note: 'Hand-written.' };
  return [header, ...rows].map((row) => `${JSON.stringify(row)}\n`).join('');
}
