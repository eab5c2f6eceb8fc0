import { expect, test } from 'vitest';
import { SimHost, Simulation } from '../../../test/support/simulation.ts';
import { LeadershipWindow, leaseLost } from './leadership.ts';

function open() {
  const simulation = new Simulation();
  const clock = new SimHost(simulation, { uptimeMs: 5000 });
  const window = new LeadershipWindow({ lease: 'claw/operator', clock, windowMs: 2000 });
  return { simulation, clock, window };
}

test('before the first confirmation nothing is allowed', () => {
  const { window } = open();
  expect([window.leading, window.until]).toEqual([false, undefined]);
  expect(() => window.check('POST /x')).toThrow(
    'POST /x: not sent: lease claw/operator is not held by this process yet; write from the function given to run()',
  );
});

test('the window is open for its length after the write that was confirmed', async () => {
  const { simulation, clock, window } = open();
  window.confirm(clock.monotonic());
  await simulation.advance(1500);
  window.confirm(clock.monotonic() - 500);
  await simulation.advance(1499);
  expect([window.leading, window.until]).toEqual([true, 8000]);
  await simulation.advance(1);
  expect(window.leading).toBe(false);
});

test('an answer that comes when the window is over does not open it again', async () => {
  const { simulation, clock, window } = open();
  window.confirm(clock.monotonic());
  await simulation.advance(2000);
  window.confirm(clock.monotonic());
  expect(window.leading).toBe(false);
});

test('a window that was ended stays over, with the first reason', () => {
  const { clock, window } = open();
  window.confirm(clock.monotonic());
  window.end(leaseLost('claw/operator', "is held by 'b'"));
  window.end(leaseLost('claw/operator', 'was given up'));
  window.confirm(clock.monotonic());
  expect(window.refusal()?.message).toBe(
    "lease claw/operator is held by 'b'; end this process, another one leads or will",
  );
});
