import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { parseJson } from '../../base/brand.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import type { Persona } from './seed-set.ts';

const MAX_BYTES = 256 * 1024 * 1024;
const MAX_CHARACTERS = 4000;

const zPersona = z.looseObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'expected letters, digits, ".", "_" and "-"')
    .optional(),
  persona: z.string().trim().min(1).max(MAX_CHARACTERS),
});

/**
 * Personas of a file of JSON lines, each `{"id": "...", "persona": "..."}`; a line without id is named
 * by its number. Throws `NotFound`, `TooLarge` or `InvalidInput` with the line.
 */
export async function readPersonas(file: string): Promise<readonly Persona[]> {
  return parsePersonas(await readText(file), file);
}

/** As `readPersonas`, of a text; `file` is for messages. */
export function parsePersonas(lines: string, file: string): readonly Persona[] {
  const personas: Persona[] = [];
  const seen = new Map<string, number>();
  for (const [index, line] of lines.split('\n').entries()) {
    if (line.trim() === '') continue;
    const place = `${file}:${index + 1}`;
    const { id = `line-${index + 1}`, persona: text } = parseLine(line, place);
    const twin = seen.get(id);
    if (twin !== undefined)
      throw new ClawError('InvalidInput', `${place}: id ${id} is that of line ${twin} already`);
    seen.set(id, index + 1);
    personas.push({ id, text });
  }
  if (personas.length > 0) return personas;
  throw new ClawError(
    'InvalidInput',
    `${file}: no persona in it; expected lines such as {"id": "baker", "persona": "A baker who ..."}`,
  );
}

function parseLine(line: string, place: string): z.infer<typeof zPersona> {
  let value: unknown;
  try {
    value = parseJson(line);
  } catch (cause) {
    throw new ClawError('InvalidInput', `${place}: not JSON (${errorMessage(cause)})`, { cause });
  }
  const parsed = zPersona.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') || 'the line';
  throw new ClawError('InvalidInput', `${place}: ${field}: ${issue?.message ?? 'unexpected'}`);
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size <= MAX_BYTES) return await readFile(file, 'utf8');
  } catch (cause) {
    throw new ClawError('NotFound', `personas ${file} cannot be read: ${errorMessage(cause)}`, {
      cause,
    });
  }
  throw new ClawError('TooLarge', `personas ${file}: more than ${MAX_BYTES} bytes; split the file`);
}
