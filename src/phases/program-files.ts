/** Modules of the agent's wrapper, below programs/; they lie in one flat folder where they run. */
export const AGENT_INIT_FILES = [
  'agent_init/__main__.py',
  'agent_init/connections.py',
  'agent_init/link.py',
  'agent_init/output.py',
  'agent_init/usage.py',
  'agent_init/watch.py',
  'syscall_filter.py',
  'system_call.py',
] as const;

/** Modules of the grader, in the same way; `grade_init.py` is what starts it. */
export const GRADER_FILES = [
  'grade_init.py',
  'grade_dialects.py',
  'grade_guard.py',
  'grade_score.py',
  'grade_transcript.py',
  'syscall_filter.py',
  'system_call.py',
  'agent_init/usage.py',
] as const;
