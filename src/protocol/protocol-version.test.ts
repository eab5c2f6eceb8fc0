import { describe, expect, test } from 'vitest';
import { ClawError } from '../base/error.ts';
import {
  callerOf,
  protocolHeader,
  requireShared,
  spokenBy,
  THIS_OPERATOR,
  THIS_SERVER,
} from './protocol-version.ts';

const operatorOf = (version: number) => ({ version: `0.${version}.0`, protocol: [version] });
const serverOf = (version: number) => ({ version: `0.${version}.0`, protocol: spokenBy(version) });

function refusal(operator: number, server: number): unknown {
  try {
    requireShared(operatorOf(operator), serverOf(server));
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

describe('a server speaks its own version and the one before', () => {
  test.each([
    [1, [1]],
    [2, [2, 1]],
    [7, [7, 6]],
  ])('of version %d: %j', (version, spoken) => {
    expect(spokenBy(version)).toEqual(spoken);
  });

  test.each([
    ['both of one release', 3, 3, true],
    ['the server is one ahead', 3, 4, true],
    ['the server is two ahead', 3, 5, false],
    ['the operator is one ahead', 4, 3, false],
    ['the first release, and the next server', 1, 2, true],
    ['the first server, and the next operator', 2, 1, false],
  ])('%s', (_name, operator, server, works) => {
    expect(refusal(operator, server) === undefined).toBe(works);
  });

  test('those of this release understand each other', () => {
    expect(() => requireShared(THIS_OPERATOR, THIS_SERVER)).not.toThrow();
  });
});

test('where they share none both versions and the command are named, and it is tried again', () => {
  const thrown = refusal(3, 5);
  expect(thrown).toBeInstanceOf(ClawError);
  expect(thrown).toMatchObject({ code: 'ProtocolMismatch', retryable: true });
  expect(String(thrown)).toContain(
    'the operator (release 0.3.0) speaks 3, the server (release 0.5.0) 5 and 4; nothing new starts',
  );
  expect(String(thrown)).toContain('helm upgrade RELEASE charts/clawgym ');
});

describe('the header of a call', () => {
  test('is read as it was written', () => {
    expect(callerOf(protocolHeader(operatorOf(12)))).toEqual(operatorOf(12));
  });

  test('may be absent', () => {
    expect(callerOf(undefined)).toBeUndefined();
  });

  test.each(['', '1', '1 ', 'one 0.1.0', '1 0.1.0 more', '-1 0.1.0', `1 ${'x'.repeat(65)}`])(
    'is refused where it is %j',
    (header) => {
      expect(() => callerOf(header)).toThrow(/expected VERSION RELEASE/);
    },
  );
});
