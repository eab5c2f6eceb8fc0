import { describe, expect, test } from 'vitest';
import {
  type Condition,
  type ConditionState,
  findCondition,
  isTrue,
  setCondition,
  zCondition,
} from './conditions.ts';

const THEN = '2026-01-01T00:00:00Z';
const NOW = Date.parse('2026-01-02T03:04:05.678Z');
const ready: Condition = {
  type: 'Ready',
  status: 'True',
  reason: 'AllThere',
  message: 'all there',
  observedGeneration: 3,
  lastTransitionTime: THEN,
};
const same: ConditionState = {
  type: 'Ready',
  status: 'True',
  reason: 'AllThere',
  message: 'all there',
  observedGeneration: 3,
};

describe('setCondition', () => {
  test.each<[string, Partial<ConditionState>, string]>([
    ['a new status moves it', { status: 'False' }, '2026-01-02T03:04:05Z'],
    ['Unknown is a status too', { status: 'Unknown' }, '2026-01-02T03:04:05Z'],
    ['another reason does not', { reason: 'Other' }, THEN],
    ['another message does not', { message: 'other' }, THEN],
    ['another generation does not', { observedGeneration: 4 }, THEN],
  ])('the time of the last change: %s', (_name, change, time) => {
    const [condition] = setCondition([ready], { ...same, ...change }, NOW);
    expect(condition).toEqual({ ...ready, ...change, lastTransitionTime: time });
  });

  test('gives the list itself where nothing changes', () => {
    const list = [ready];
    expect(setCondition(list, same, NOW)).toBe(list);
  });

  test('puts a new type at the end, keeps places and changes nothing of the others', () => {
    const other = { ...ready, type: 'Other' };
    const list = [ready, other];
    const next = setCondition(list, { ...same, type: 'Third', status: 'Unknown' }, NOW);
    expect(next.map((condition) => condition.type)).toEqual(['Ready', 'Other', 'Third']);
    const changed = setCondition(next, { ...same, status: 'False' }, NOW);
    expect(changed.map((condition) => condition.type)).toEqual(['Ready', 'Other', 'Third']);
    expect(changed[1]).toBe(other);
    expect(list).toEqual([ready, other]);
  });

  test('begins a list and needs no generation', () => {
    const [condition] = setCondition(
      undefined,
      { type: 'Ready', status: 'Unknown', reason: 'New', message: '' },
      NOW,
    );
    expect(zCondition.parse(condition)).toEqual({
      type: 'Ready',
      status: 'Unknown',
      reason: 'New',
      message: '',
      lastTransitionTime: '2026-01-02T03:04:05Z',
    });
  });

  test('cuts a message that the API server would refuse, and sees that it is the same', () => {
    const long = { ...same, message: 'é'.repeat(40_000) };
    const list = setCondition([ready], long, NOW);
    expect(Buffer.byteLength(list[0]?.message ?? '')).toBeLessThanOrEqual(32_768);
    expect(list[0]?.message).toMatch(/é… \(cut\)$/);
    expect(setCondition(list, long, NOW)).toBe(list);
  });
});

test('find and isTrue', () => {
  expect(findCondition([ready], 'Ready')).toBe(ready);
  expect(findCondition(undefined, 'Ready')).toBeUndefined();
  expect(isTrue([ready], 'Ready')).toBe(true);
  expect(isTrue([{ ...ready, status: 'Unknown' }], 'Ready')).toBe(false);
  expect(isTrue([ready], 'Other')).toBe(false);
});
