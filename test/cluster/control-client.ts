import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { parseJson } from '../../src/base/brand.ts';
import { asErrorCode, ClawError } from '../../src/base/error.ts';
import { controlSocket } from './cluster-record.ts';
import { type ControlRequest, zControlAnswer } from './control-protocol.ts';
import type { ProgramStatus } from './programs.ts';

const ANSWER_MS = 180_000;

/** Asks the supervisor of a cluster and returns the state of its programs afterwards. */
export async function askSupervisor(
  stateFolder: string,
  request: ControlRequest,
): Promise<readonly ProgramStatus[]> {
  const socket = connect(controlSocket(stateFolder));
  try {
    await once(socket, 'connect');
    const signal = AbortSignal.timeout(ANSWER_MS);
    signal.addEventListener('abort', () => socket.destroy(new Error('no answer in time')));
    socket.write(`${JSON.stringify(request)}\n`);
    const answer = zControlAnswer.parse(parseJson(await text(socket)));
    if (answer.ok) return answer.programs;
    throw new ClawError(asErrorCode(answer.code), answer.message);
  } catch (cause) {
    if (cause instanceof ClawError) throw cause;
    throw new ClawError(
      'ClusterFailed',
      `the supervisor of ${stateFolder} does not answer: end the cluster with npm run cluster -- down`,
      { cause },
    );
  } finally {
    socket.destroy();
  }
}
