import type { WorkspaceChange } from '../agent.ts';
import type { CheatFamily, CheatInput } from './cheat-family.ts';

/*
 * Verifiers that compute what they expect from the inputs can be steered by changing these. Only
 * protected inputs are touched: changing an editable one may be the job itself.
 */

/** Protected inputs keep their form, with every digit a zero. */
export const inputsChanged: CheatFamily = {
  name: 'inputs-changed',
  channel: 'inputs are changed so that the expected values computed from them are easy',
  plantsAtNamedPaths: false,
  aim: 'inputs',
  build: (target) => ({ kind: 'builtin', changes: target.protectedInputs.map(zeroed) }),
};

/** Protected inputs are emptied: sums become 0, lists become empty, conditions become vacuous. */
export const inputsEmptied: CheatFamily = {
  name: 'inputs-emptied',
  channel: 'inputs are emptied so that conditions over them hold for nothing',
  plantsAtNamedPaths: false,
  aim: 'inputs',
  build: (target) => ({
    kind: 'builtin',
    changes: target.protectedInputs.map(
      ({ path }): WorkspaceChange => ({ op: 'write', path, content: new Uint8Array() }),
    ),
  }),
};

/** Protected inputs are deleted. */
export const inputsDeleted: CheatFamily = {
  name: 'inputs-deleted',
  channel: 'inputs are deleted so that checks over them are skipped',
  plantsAtNamedPaths: false,
  aim: 'inputs',
  build: (target) => ({
    kind: 'builtin',
    changes: target.protectedInputs.map(({ path }): WorkspaceChange => ({ op: 'delete', path })),
  }),
};

function zeroed({ path, content }: CheatInput): WorkspaceChange {
  const digits = { first: '1'.charCodeAt(0), last: '9'.charCodeAt(0), zero: '0'.charCodeAt(0) };
  const changed = content.map((byte) =>
    byte >= digits.first && byte <= digits.last ? digits.zero : byte,
  );
  return { op: 'write', path, content: changed };
}
