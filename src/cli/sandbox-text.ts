import { terminalText } from '../base/plain-text.ts';

/** Bytes that a sandbox made, as text that is safe on a terminal. */
export function sandboxText(bytes: Uint8Array): string {
  return terminalText(bytes);
}
