import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { childName } from './child-names.ts';
import { labelSelector, labelValue } from './labels.ts';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const owner = { name: 'my-echo', uid: '7c9e6679-7425-40de-944b-e07fc1f90ae7' };

describe('childName', () => {
  test('is the same at every time', () => {
    expect(childName(owner, 3)).toBe('my-echo-gj7qzwbhx7-3');
    expect(childName(owner, '7-2')).toMatch(/^my-echo-[a-z2-7]{10}-7-2$/);
  });

  test('differs by name, uid and ordinal, also where the readable part is the same', () => {
    const names = [
      childName(owner, 3),
      childName(owner, 4),
      childName({ ...owner, uid: 'another' }, 3),
      childName({ ...owner, name: 'my.echo' }, 3),
      childName({ ...owner, name: `my-echo${'x'.repeat(80)}1` }, 3),
      childName({ ...owner, name: `my-echo${'x'.repeat(80)}2` }, 3),
    ];
    expect(new Set(names).size).toBe(names.length);
  });

  test('is a DNS label of at most 63 characters for every owner', () => {
    const dnsName = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,200}[a-z0-9])?$/);
    fc.assert(
      fc.property(dnsName, fc.uuid(), fc.nat(), (name, uid, ordinal) => {
        expect(childName({ name, uid }, ordinal)).toMatch(DNS_LABEL);
      }),
    );
  });

  test.each(['', 'A', '-1', '1-', 'a.b', 'x'.repeat(41), -1, 0.5])('refuses ordinal %j', (odd) => {
    expect(() => childName(owner, odd)).toThrow(/my-echo: ordinal/);
  });
});

describe('labelValue', () => {
  test.each(['', 'a', 'task_0078', 'a.b-c_d', 'x'.repeat(63)])('leaves %j as it is', (text) => {
    expect(labelValue(text)).toBe(text);
  });

  test.each(['x'.repeat(64), 'a b', '-a', 'ä', 'openai/gpt-5', '日本', '.'])(
    'makes %j valid',
    (text) => {
      expect(labelValue(text)).toMatch(LABEL_VALUE);
      expect(labelValue(text)).not.toBe(text);
    },
  );

  test('is valid and keeps different texts apart', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 120 }), fc.string({ maxLength: 120 }), (one, other) => {
        expect(labelValue(one)).toMatch(LABEL_VALUE);
        expect(labelValue(one) === labelValue(other)).toBe(one === other);
      }),
    );
  });

  test('joins a selector', () => {
    expect(labelSelector({ a: '1', 'x.io/b': '2' })).toBe('a=1,x.io/b=2');
  });
});
