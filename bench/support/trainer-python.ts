import { join } from 'node:path';
import { z } from 'zod';

/** An interpreter with the trainer's libraries, and where its modules are. */
export async function trainerPython(): Promise<{ readonly python: string; readonly path: string }> {
  const python = z.string().parse(process.env['CLAWGYM_TRAINER_PYTHON']);
  return { python, path: join(import.meta.dirname, '../../trainer') };
}
