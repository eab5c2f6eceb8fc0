import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ClawError } from '../../src/base/error.ts';

/**
 * Below the kernel's ephemeral range (32768 and up): a client that keeps dialling a stopped server's
 * port from that range can be given the very port as its own and so connect to itself, and the
 * server cannot start again.
 */
const FIRST = 20_000;
const LAST = 32_000;
const TRIES = 200;

/** Ports on which nothing listens on 127.0.0.1 right now, chosen by chance. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count && tries < TRIES; tries += 1) {
    const port = randomInt(FIRST, LAST);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  if (found.size === count) return [...found];
  throw new ClawError(
    'ClusterFailed',
    `only ${found.size} of ${count} free ports found between ${FIRST} and ${LAST}: stop what listens there`,
  );
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
