/** True where something is mounted at the path or below, by the text of a /proc/PID/mountinfo. */
export function isMounted(mountInfo: string, path: string): boolean {
  return mountInfo.split('\n').some((line) => {
    const point = unescaped(line.split(' ')[4] ?? '');
    return point === path || point.startsWith(`${path}/`);
  });
}

/** proc(5): blanks, line ends and backslashes stand there as three octal digits. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
