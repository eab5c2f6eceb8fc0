const MAX_STEP = 100;

/**
 * Turns the output of a build into one line for each command that really runs: steps whose result is
 * known already are not worth a line.
 */
export function buildProgress(say: (step: string) => void): (line: string) => void {
  let command: string | undefined;
  return (line) => {
    if (command !== undefined && !line.includes('Using cache')) say(shorten(command));
    command = /STEP \d+\/\d+: (RUN .*)/.exec(line)?.[1];
  };
}

function shorten(command: string): string {
  const text = command.replaceAll(/\s+/g, ' ');
  return text.length <= MAX_STEP ? text : `${text.slice(0, MAX_STEP)} …`;
}
