import { z } from 'zod';
import { zSafePath } from './task-paths.ts';

/** A reviewed file that overrides what the importer decided about inputs. */
export const zInputOverlay = z.strictObject({
  tasks: z.record(
    z.string(),
    z.strictObject({ inputs: z.record(zSafePath, z.enum(['protected', 'editable'])) }),
  ),
});
export type InputOverlay = z.infer<typeof zInputOverlay>;
