import { describe, expect, it } from 'vitest';
import { commandLine } from './command-line.ts';

const noKey = () => undefined;

describe('the command line of a report', () => {
  it.each([
    [['--base-url', 'https://user:key@host/v1'], '--base-url https://host/v1'],
    [['--base-url=https://user:key@host/v1'], '--base-url=https://host/v1'],
    [['--base-url', 'https://host/v1?key=abc&x=1#abc'], '--base-url https://host/v1'],
    [['--base-url=http://host:8000/v1/?key=abc'], '--base-url=http://host:8000/v1'],
    [['--base-url', 'no address abc'], "--base-url ''"],
    [['--base-url', 'ftp://user:key@host/v1'], '--base-url ftp://host/v1'],
    [['--command', 'go https://u:p@host/?t=abc now'], "--command 'go https://host now'"],
    [['--command', 'go --key sk-abcdef123'], "--command 'go --key [key]'"],
    [['--temperature=0.7'], '--temperature=0.7'],
  ])('%j becomes %s', (args, shown) => {
    expect(commandLine(['bench', ...args], noKey)).toBe(`clawgym bench ${shown}`);
  });

  it.each([
    ['OPENAI_API_KEY', []],
    ['MY_KEY', ['--api-key-env', 'MY_KEY']],
    ['API_KEY_MINE', ['--api-key-env=API_KEY_MINE']],
  ])('never holds the value of %s', (name, flags) => {
    const secret = (asked: string) => (asked === name ? 'plain0words' : undefined);
    const line = commandLine(['bench', ...flags, '--command', 'go plain0words'], secret);
    expect(line).toBe(['clawgym bench', ...flags, "--command 'go [key]'"].join(' '));
  });

  it('quotes what a shell would take apart', () => {
    const args = ['run', '-f', "it's here.yaml", '--out', 'a/b'];
    expect(commandLine(args, noKey)).toBe("clawgym run -f 'it'\\''s here.yaml' --out a/b");
  });
});
