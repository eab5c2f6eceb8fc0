import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { parseJson } from '../../src/base/brand.ts';
import { toClawError } from '../../src/base/error.ts';
import { controlSocket } from './cluster-record.ts';
import { type ControlAnswer, type ControlRequest, zControlRequest } from './control-protocol.ts';
import type { Programs } from './programs.ts';

export interface ControlTarget {
  readonly programs: Programs;
  readonly signal: AbortSignal;
  /** Ends the cluster; resolves when nothing of it is left. */
  readonly end: () => Promise<void>;
}

/** Takes orders on the cluster's socket, one a connection. */
export async function serveControl(stateFolder: string, target: ControlTarget): Promise<Server> {
  const server = createServer((socket) => void serve(socket, target));
  server.listen(controlSocket(stateFolder));
  await once(server, 'listening');
  return server;
}

async function serve(socket: Socket, target: ControlTarget): Promise<void> {
  socket.on('error', () => socket.destroy());
  const lines = createInterface({ input: socket });
  for await (const line of lines) {
    const answer = await answerTo(line, target);
    socket.end(`${JSON.stringify(answer)}\n`);
    return;
  }
}

async function answerTo(line: string, target: ControlTarget): Promise<ControlAnswer> {
  try {
    await carryOut(zControlRequest.parse(parseJson(line)), target);
    return { ok: true, programs: [...target.programs.list()] };
  } catch (cause) {
    const { code, message } = toClawError(cause);
    return { ok: false, code, message };
  }
}

async function carryOut(
  request: ControlRequest,
  { programs, signal, end }: ControlTarget,
): Promise<void> {
  switch (request.op) {
    case 'programs':
      return;
    case 'stop-program':
      await programs.stop(request.name);
      return;
    case 'start-program':
      await programs.startAgain(request.name, signal);
      return;
    case 'signal-program':
      programs.signal(request.name, request.signal);
      return;
    case 'end':
      await end();
      return;
  }
}
