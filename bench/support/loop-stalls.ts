/** Longest stall of the event loop, in milliseconds. */
export interface LoopStall {
  /** As a timer sees it: also the time in which the host ran something else. */
  readonly wallMs: number;
  /** Of it, the time in which this thread really ran: what the program itself is to blame for. */
  readonly ownMs: number;
}

const TICK_MS = 5;

/** Watches the event loop of this thread until `stop`. */
export function watchLoop(): { stop(): LoopStall } {
  let [wallMs, ownMs] = [0, 0];
  let [lastWall, lastOwn] = [performance.now(), ownTime()];
  const look = () => {
    const [wall, own] = [performance.now(), ownTime()];
    wallMs = Math.max(wallMs, wall - lastWall - TICK_MS);
    ownMs = Math.max(ownMs, Math.min(own - lastOwn, wall - lastWall));
    [lastWall, lastOwn] = [wall, own];
  };
  const timer = setInterval(look, TICK_MS);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return { wallMs, ownMs };
    },
  };
}

function ownTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
