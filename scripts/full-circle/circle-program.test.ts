import { expect, test } from 'vitest';
import { type CircleFlags, circleProgram } from './circle-program.ts';

/** What a command line leads to: its flags, or how it ends and what is said. */
async function given(...argv: string[]) {
  const ran: CircleFlags[] = [];
  const said: string[] = [];
  const program = circleProgram((flags) => {
    ran.push(flags);
    return Promise.resolve();
  });
  const say = (text: string): void => void said.push(text);
  program.configureOutput({ writeOut: say, writeErr: say });
  const end: unknown = await program
    .parseAsync(argv, { from: 'user' })
    .then(() => undefined)
    .catch((thrown: unknown) => thrown);
  return { ran, said: said.join(''), end };
}

test('without a flag it runs here, with the seeds as they are', async () => {
  const { ran, end } = await given();
  expect(end).toBeUndefined();
  expect(ran).toEqual([{ out: 'out/full-circle', seed: 0, port: 18_017 }]);
});

test('flags are read, in a cluster too', async () => {
  expect((await given('--seed', '3', '--out', 'x')).ran).toMatchObject([{ seed: 3, out: 'x' }]);
  const argv = ['-n', 'lab', '--server-namespace', 'clawgym', '--trainer-image', 'a@sha256:b'];
  expect((await given(...argv)).ran).toMatchObject([
    { namespace: 'lab', serverNamespace: 'clawgym', trainerImage: 'a@sha256:b' },
  ]);
});

test('--help names every flag, runs nothing and is no error', async () => {
  const { ran, said, end } = await given('--help');
  expect(ran).toEqual([]);
  expect(end).toMatchObject({ exitCode: 0 });
  for (const flag of ['out', 'seed', 'port', 'namespace', 'trainer-image'])
    expect(said).toContain(`--${flag} <`);
});

test.each([
  [['--wrong'], "unknown option '--wrong'"],
  [['foo'], 'too many arguments'],
  [['--seed', 'x'], 'expected a whole number from 0 to 1000000'],
  [['--port', '70000'], 'expected a whole number from 0 to 65535'],
  [['--server-namespace', 'a'], '--server-namespace goes with --namespace'],
])('%j runs nothing, and says why', async (argv, message) => {
  const { ran, said, end } = await given(...argv);
  expect(ran).toEqual([]);
  expect(end).toMatchObject({ exitCode: 1 });
  expect(said).toContain(message);
  expect(said).toContain('--help');
});
