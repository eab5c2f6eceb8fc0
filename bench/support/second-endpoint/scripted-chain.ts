import { type ChainModel, END, START } from './chain-model.ts';

/** What the task of deploy/samples/endpoint/benchrun.yaml asks for. */
const COMMAND = "grep -c ',open$' orders.csv > open-orders.txt";
export const LAST_WORDS = 'open-orders.txt holds the number.';

const CALL = JSON.stringify({ name: 'bash', arguments: { command: COMMAND } });
/** A draft as the prompts of a synthesis ask for it; every later stage gets it too, and refuses it. */
const DRAFT = JSON.stringify({
  title: 'Count the lines',
  instruction: 'Write the number of lines of notes.txt into count.txt, as one number.',
  files: [{ path: 'notes.txt', purpose: 'what is counted' }],
  outputs: ['count.txt'],
  expected: ['count.txt holds the number of lines'],
  difficulty: 1,
});

/** Tools are shown and called in the way of the hermes models, which servers know. */
const TEMPLATE = `{%- if tools -%}
{{- '${START}system\\n# Tools\\n\\nYou are provided with function signatures within <tools></tools> XML tags:\\n<tools>' -}}
{%- for tool in tools -%}{{- '\\n' ~ (tool | tojson) -}}{%- endfor -%}
{{- '\\n</tools>\\n\\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\\n<tool_call>\\n{"name": <function-name>, "arguments": <args-json-object>}\\n</tool_call>${END}\\n' -}}
{%- endif -%}
{%- for message in messages -%}
{%- if message.role == 'tool' -%}
{{- '${START}user\\n<tool_response>\\n' ~ message.content ~ '\\n</tool_response>${END}\\n' -}}
{%- else -%}
{{- '${START}' ~ message.role ~ '\\n' -}}
{%- if message.content is string -%}{{- message.content -}}{%- endif -%}
{%- for call in message.tool_calls or [] -%}
{{- '<tool_call>\\n{"name": "' ~ call.function.name ~ '", "arguments": ' ~ (call.function.arguments if call.function.arguments is string else call.function.arguments | tojson) ~ '}\\n</tool_call>' -}}
{%- endfor -%}
{{- '${END}\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '${START}assistant\\n' -}}
{%- if not tools -%}{{- '<|write|>' -}}
{%- elif messages and messages[-1].role == 'tool' -%}{{- '<|end|>' -}}
{%- else -%}{{- '<|act|>' -}}{%- endif -%}
{%- endif -%}`;

/** Calls a tool once, says that it is done after the tool's answer, and writes drafts without tools. */
export const SCRIPTED_CHAIN: ChainModel = {
  chatTemplate: TEMPLATE,
  chains: [
    { after: '<|act|>', says: ['<tool_call>', `\n${CALL}\n`, '</tool_call>'] },
    { after: '<|end|>', says: [LAST_WORDS] },
    { after: '<|write|>', says: [DRAFT] },
  ],
};
