/**
 * Standard error while work goes on. On a terminal its last line is drawn again and again, and other text
 * goes above it; elsewhere each drawing is a line of its own.
 */
export interface StatusLine {
  readonly interactive: boolean;
  /** On a terminal `wide` where it fits, else as much of `plain` as does; elsewhere `plain`. */
  draw(wide: string, plain: string): void;
  /** Text with line ends of its own. */
  write(text: string): void;
  /** Leaves the line as it is; what follows stands below. */
  end(): void;
}

export interface StatusOutput {
  readonly interactive: boolean;
  /** Asked for at each drawing: a window changes its size. */
  columns(): number;
  write(text: string): void;
}

const CLEAR = '\r\u001b[2K';

export function statusLine(output: StatusOutput): StatusLine {
  const { interactive } = output;
  let shown = '';
  return {
    interactive,
    draw: (wide, plain) => {
      if (!interactive) return output.write(`${plain}\n`);
      const room = output.columns() - 1;
      shown = wide.length <= room ? wide : plain.slice(0, room);
      output.write(`${CLEAR}${shown}`);
    },
    write: (text) => output.write(shown === '' ? text : `${CLEAR}${text}${shown}`),
    end: () => {
      if (shown !== '') output.write('\n');
      shown = '';
    },
  };
}
