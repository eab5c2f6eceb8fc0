/**
 * SIGKILL to a process group that was started with `detached: true`; undefined where the start
 * itself failed. A group that has ended already is no error.
 */
export function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}
